import type { Permission } from './permissions.ts';
import type { Atom } from '../authorization/rules/rule.ts';

/** Anybody, signed in or not; `because` says why that is right. */
export const anyone = (because: string): Atom => ({ is: 'anyone', of: because });
/** The viewer is signed in. */
export const signedIn: Atom = { is: 'signedIn' };
/** The viewer is the user that the row is, or belongs to: simple ownership. */
export const self: Atom = { is: 'self' };
/** The viewer may write what the row belongs to, by `writable` in `ownership.ts`; of a user, that user: delegated ownership. */
export const owner: Atom = { is: 'owner' };
/** The viewer administers the row's domain, and its owner has no rank there or anywhere: ownership by a domain. */
export const domainAdmin: Atom = { is: 'domainAdmin' };
/** The viewer is a platform administrator. */
export const admin: Atom = { is: 'admin' };
/** The viewer is a platform superadmin. */
export const superadmin: Atom = { is: 'superadmin' };
/** The viewer is an administrator, of the platform or of a domain. */
export const administers: Atom = { is: 'administers' };
/** The viewer is an administrator of a higher rank than the row's owner. */
export const outranks: Atom = { is: 'outranks' };
/** The viewer came with a session, not with an API token. */
export const session: Atom = { is: 'session' };
/** The viewer came with an API token, as programs do. */
export const apiToken: Atom = { is: 'apiToken' };
/** The viewer proved who they are a short while ago. */
export const fresh: Atom = { is: 'fresh' };
/** The viewer's e-mail address is proven. */
export const confirmed: Atom = { is: 'confirmed' };
/** The row is active. */
export const active: Atom = { is: 'active' };
/** No superadmin took part in what the row records, as the actor or as the one whom it is about. */
export const withoutSuperadmin: Atom = { is: 'withoutSuperadmin' };
/** The viewer holds the role. */
export const holds: Atom = { is: 'holds' };
/** A role permits the viewer this, everywhere or in the row's domain; where there is no row, everywhere. */
export const may = (permission: Permission): Atom => ({ is: 'may', of: permission });
/** The viewer came with a session, or with an API token made for this. */
export const scope = (permission: Permission): Atom => ({ is: 'scope', of: permission });
/** The viewer holds a grant that may be passed on. */
export const delegates: Atom = { is: 'delegates' };
