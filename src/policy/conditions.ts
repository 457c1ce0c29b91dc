import type { Condition } from '../authorization/rules/rule.ts';
import type { Permission } from './permissions.ts';

/** Anybody, signed in or not; `because` says why that is right. */
export const anyone = (because: string): Condition => ({ is: 'anyone', of: because });
/** The viewer is signed in. */
export const signedIn: Condition = { is: 'signedIn' };
/** The viewer is the user that the row is, or belongs to: simple ownership. */
export const self: Condition = { is: 'self' };
/** The viewer may write what the row belongs to, by `writable` in `ownership.ts`; of a user, that user: delegated ownership. */
export const owner: Condition = { is: 'owner' };
/** The viewer administers the row's domain, and its owner has no rank there or anywhere: ownership by a domain. */
export const domainAdmin: Condition = { is: 'domainAdmin' };
/** The viewer is a platform administrator. */
export const admin: Condition = { is: 'admin' };
/** The viewer is a platform superadmin. */
export const superadmin: Condition = { is: 'superadmin' };
/** The viewer is an administrator, of the platform or of a domain. */
export const administers: Condition = { is: 'administers' };
/** The viewer is an administrator of a higher rank than the row's owner. */
export const outranks: Condition = { is: 'outranks' };
/** The viewer came with a session, not with an API token. */
export const session: Condition = { is: 'session' };
/** The viewer came with an API token, as programs do. */
export const apiToken: Condition = { is: 'apiToken' };
/** The viewer proved who they are a short while ago. */
export const fresh: Condition = { is: 'fresh' };
/** The viewer's e-mail address is proven. */
export const confirmed: Condition = { is: 'confirmed' };
/** The row is active. */
export const active: Condition = { is: 'active' };
/** No superadmin took part in what the row records, as the actor or as the one whom it is about. */
export const withoutSuperadmin: Condition = { is: 'withoutSuperadmin' };
/** The viewer holds the role. */
export const holds: Condition = { is: 'holds' };
/** A role permits the viewer this, everywhere or in the row's domain; where there is no row, everywhere. */
export const may = (permission: Permission): Condition => ({ is: 'may', of: permission });
/** The viewer came with a session, or with an API token made for this. */
export const scope = (permission: Permission): Condition => ({ is: 'scope', of: permission });
/** The viewer holds a grant that may be passed on. */
export const delegates: Condition = { is: 'delegates' };
