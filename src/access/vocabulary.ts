import type { Prisma } from '../generated/prisma/client.ts';
import { type Model, ownedBy, type Row } from './ownership.ts';
import type { Permission } from './permission.ts';
import type { Atom } from './rule.ts';
import type { Viewer } from './viewer.ts';

/** A row and its model, as far as the asker holds them. */
export interface Subject {
  readonly model: Model;
  readonly row: Row;
}

type Condition = Record<string, unknown> | boolean;

interface Meaning {
  /** Completes "the viewer …". */
  readonly says: string;
  /** True where the viewer alone decides, whatever the row. */
  readonly aboutViewer?: true;
  /** The verdict as far as it is known without asking the database. `viewer` is null for nobody. */
  readonly known: (viewer: Viewer | null, of: string, subject?: Subject) => boolean | undefined;
  /** The same as a Prisma condition on a model. */
  readonly where?: (viewer: Viewer, model: Model) => Condition;
}

/** Anybody, signed in or not; `because` says why that is right. */
export const anyone = (because: string): Atom => ({ is: 'anyone', of: because });
/** The viewer is signed in. */
export const signedIn: Atom = { is: 'signedIn' };
/** The viewer is the user that the row is, or belongs to. */
export const self: Atom = { is: 'self' };
/** The viewer administers the row's domain, and its owner has no rank there or anywhere. */
export const domainAdmin: Atom = { is: 'domainAdmin' };
/** The viewer is a platform administrator. */
export const admin: Atom = { is: 'admin' };
/** The viewer is a platform superadmin. */
export const superadmin: Atom = { is: 'superadmin' };
/** The viewer is an administrator of a higher rank than the row's owner. */
export const outranks: Atom = { is: 'outranks' };
/** The viewer came with a session, not with an API token. */
export const session: Atom = { is: 'session' };
/** The viewer proved who they are a short while ago. */
export const fresh: Atom = { is: 'fresh' };
/** The row is active. */
export const active: Atom = { is: 'active' };
/** The viewer holds the role. */
export const holds: Atom = { is: 'holds' };
/** A role that the viewer holds everywhere permits this.
 * @public no rule of ours needs it yet; those of a product that builds on this one do */
export const may = (permission: Permission): Atom => ({ is: 'may', of: permission });
/** The viewer came with a session, or with an API token made for this. */
export const scope = (permission: Permission): Atom => ({ is: 'scope', of: permission });

export const ranks = { USER: 0, ADMIN: 1, SUPERADMIN: 2 } as const;

/** What each atom means. */
export const vocabulary: Readonly<Record<string, Meaning>> = {
  anyone: { says: 'is anyone', aboutViewer: true, known: () => true },
  signedIn: { says: 'is signed in', aboutViewer: true, known: (viewer) => viewer !== null },
  session: { says: 'came with a session, not an API token', aboutViewer: true, known: (viewer) => viewer?.scopes === null },
  fresh: { says: 'proved who they are a short while ago', aboutViewer: true, known: (viewer) => viewer?.fresh === true },
  admin: { says: 'is a platform administrator', aboutViewer: true, known: (viewer) => !!viewer && viewer.rank >= ranks.ADMIN },
  superadmin: { says: 'is a superadmin', aboutViewer: true, known: (viewer) => viewer?.rank === ranks.SUPERADMIN },
  may: { says: 'holds a role that permits it', aboutViewer: true, known: (viewer, of) => !!viewer?.permissions.has(of) },
  scope: {
    says: 'came with a session, or with an API token made for it',
    aboutViewer: true,
    known: (viewer, of) => viewer !== null && (viewer.scopes === null || viewer.scopes.has(of)),
  },
  self: {
    says: 'is the owner',
    known: (viewer, _, subject) => (viewer ? sameAs(viewer.user.id, ownerOf(subject)) : false),
    where: (viewer, model) => ownedBy[model].owner?.({ id: viewer.user.id }) ?? false,
  },
  domainAdmin: {
    says: 'administers the domain, and the owner has no rank there',
    known: knowsDomainAdmin,
    where: administers,
  },
  outranks: {
    says: 'is an administrator of a higher rank than the owner',
    known: (viewer, _, subject) => (!viewer || viewer.rank < ranks.ADMIN || ownerOf(subject) === viewer.user.id ? false : undefined),
    where: (viewer, model) =>
      viewer.rank < ranks.ADMIN ? false : (ownedBy[model].owner?.({ grants: { none: rankFrom(viewer, viewer.rank) } }) ?? false),
  },
  active: {
    says: 'asks about something active',
    known: (_, __, subject) => (subject?.row.active === undefined ? undefined : subject.row.active === true),
    where: () => ({ active: true }),
  },
  holds: {
    says: 'holds the role',
    known: (viewer, _, subject) => (viewer ? subject && held(viewer).some((grant) => grant.roleId === subject.row.id) : false),
    where: (viewer) => ({ id: { in: held(viewer).map((grant) => grant.roleId) } }),
  },
};

/** Grants that count now, by database time, and carry at least this rank everywhere. */
function rankFrom(viewer: Viewer, rank: number): Prisma.RoleGrantWhereInput {
  const names = Object.entries(ranks).flatMap(([name, of]) => (of >= rank && of > 0 ? [name] : []));
  return { domainId: null, role: { name: { in: names } }, ...live(viewer) };
}

const live = (viewer: Viewer): Prisma.RoleGrantWhereInput => ({ OR: [{ expiresAt: null }, { expiresAt: { gt: viewer.now } }] });

/** A grant in a domain that is shut grants nothing. */
const held = (viewer: Viewer) => viewer.grants.filter(({ domain }) => domain?.active !== false);

function ownerOf(subject: Subject | undefined) {
  const column = subject && ownedBy[subject.model].ownerId;
  return column ? (subject.row[column] as string | undefined) : undefined;
}

const sameAs = (id: string, other: string | undefined) => (other === undefined ? undefined : id === other);

function knowsDomainAdmin(viewer: Viewer | null, _: string, subject?: Subject) {
  if (!viewer || viewer.administers.length === 0) return false;
  if (!subject) return undefined;
  const { owner, domain, domainId } = ownedBy[subject.model];
  if (domain === 'everywhere') return true;
  const id = domainId ? subject.row[domainId] : undefined;
  if (id === undefined) return undefined;
  if (!viewer.administers.includes(String(id))) return false;
  return owner ? undefined : true;
}

/** Rows of the domains that the viewer administers, unless their owner has a rank everywhere, or is ADMIN in or above one of them. */
function administers(viewer: Viewer, model: Model): Condition {
  const { owner, domain } = ownedBy[model];
  if (viewer.administers.length === 0 || !domain) return false;
  if (domain === 'everywhere') return true;
  const inside = domain(viewer.administers, live(viewer));
  const administrator = { domainId: { in: [...viewer.administers, ...viewer.above] }, role: { name: 'ADMIN' }, ...live(viewer) };
  const unranked = owner?.({ grants: { none: { OR: [rankFrom(viewer, ranks.ADMIN), administrator] } } });
  return unranked ? { AND: [inside, unranked] } : inside;
}
