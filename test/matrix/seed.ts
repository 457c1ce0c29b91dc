import { encodeGlobalID } from '@pothos/plugin-relay';
import type { Prisma } from '../../src/database/generated/prisma/client.ts';
import { loginIdentifier } from '../../src/identity/accounts/username.ts';
import type { Model } from '../../src/policy/models.ts';
import type { QueryResult, TestServer, TestUser } from '../test-server.ts';
import { exampleProfile } from '../user/example-profile.ts';
import { type Persona, personas, type Row, type RowKind, type Subject, subjects } from './personas.ts';
import { seedAuditEvents } from './seed-audit-events.ts';
import { seedDomains } from './seed-domains.ts';
import { seedInvitation } from './seed-invitations.ts';
import { createOwned, ownedModels } from './seed-owned-rows.ts';

const soon = () => new Date(Date.now() + 3_600_000);

/** The columns of a session. */
export const sessionRow = (userId: string): Prisma.TokenUncheckedCreateInput => ({
  kind: 'SESSION',
  userId,
  scopes: ['users:read'],
  lastUsedAt: new Date(),
  expiresAt: soon(),
  idleExpiresAt: soon(),
});

/** A value in every column of a user that may be empty. */
const filledColumns = { ...exampleProfile, loginCount: 2, lastLoginAt: new Date(), lastLoginFrom: '192.0.2.1' };

/** Fields of a user that are empty here, as callers are neither deleted nor erased. */
const emptyFields = { deletedAt: null, erasedAt: null };

/** The role that each persona or subject holds, with its domain unless it is held everywhere. */
const roleOfPersona: Record<Exclude<Persona, 'anonymous' | 'self'>, [string, string?]> = {
  'other user': ['USER'],
  reader: ['READER', 'inside'],
  'domain admin': ['ADMIN', 'inside'],
  'foreign domain admin': ['ADMIN', 'abroad'],
  'parent domain admin': ['ADMIN', 'above'],
  admin: ['ADMIN'],
  superadmin: ['SUPERADMIN'],
};
export const roleOfSubject: Record<Subject, [string, string?]> = {
  user: ['USER'],
  'domain admin': ['ADMIN', 'inside'],
  admin: ['ADMIN'],
  superadmin: ['SUPERADMIN'],
};

/** Creates all callers and all rows of the matrix. Reading changes none of them. */
export async function seedMatrix(server: TestServer) {
  const { inside, abroad, closed, member, unheld } = await seedDomains(server);
  const callers = new Map<Persona, TestUser>();
  for (const [persona, [role, domain]] of Object.entries(roleOfPersona)) callers.set(persona as Persona, await server.user(role, domain));
  await server.db.prisma.roleGrant.updateMany({ where: { userId: callers.get('reader')?.uuid ?? '' }, data: { delegable: 1 } });
  const subjectUsers = new Map<Subject, TestUser>();
  for (const subject of subjects) subjectUsers.set(subject, await server.user(...roleOfSubject[subject]));

  const granter = callers.get('superadmin')?.uuid ?? '';
  const rows: Row[] = [
    { ...rowOf('Role', 'held role', member.id), name: 'MEMBER' },
    { ...rowOf('Role', 'other role', unheld.id), name: 'UNHELD' },
    { ...rowOf('Domain', 'active domain', inside.id), name: 'inside' },
    { ...rowOf('Domain', 'inactive domain', closed.id), name: 'closed' },
  ];
  rows.push(await seedInvitation(server, { roleId: member.id, domainId: inside.id, invitedById: granter }));
  for (const [subject, { uuid, email }] of subjectUsers) {
    await server.db.prisma.user.update({ where: { id: uuid }, data: { ...filledColumns, ...loginIdentifier(`a${uuid.slice(-12)}`) } });
    rows.push({ ...rowOf('User', subject, uuid, uuid, emptyFields), name: email });
    rows.push(...(await seedRowsOf(server, subject, uuid, { member: member.id, inside: inside.id, granter })));
  }

  /** The user who is the persona; `self` is the subject of that kind. Undefined for anonymous. */
  const caller = (persona: Persona, kind?: RowKind): TestUser | undefined =>
    persona === 'self' ? (subjectUsers.get(subjectOf(kind)) as TestUser) : callers.get(persona);
  const queryAs = (persona: Persona, kind: RowKind | undefined, document: string, variables?: object): Promise<QueryResult<Data>> =>
    caller(persona, kind)?.query(document, variables) ?? server.query(document, variables);
  return {
    ...server,
    rows: rows.filter(({ type }) => type !== 'FieldRead'),
    fieldReads: rows.filter(({ type }) => type === 'FieldRead'), // these are no nodes: they are reached through their user
    subjectUsers,
    caller,
    allUsers: () => [...callers.values(), ...subjectUsers.values()],
    queryAs,
    createOwned: (model: Model, subject: Subject, userId: string) => createOwned(server.db.prisma, model, subject, { User: userId }),
    domains: { inside: inside.id, abroad: abroad.id } as Record<string, string>,
    role: member.id,
  };
}

export type Matrix = Awaited<ReturnType<typeof seedMatrix>>;

// biome-ignore lint/suspicious/noExplicitAny: documents are built from the schema
export type Data = any;

export const subjectOf = (kind: RowKind | undefined): Subject => subjects.find((subject) => subject === kind) ?? 'user';

const rowOf = (type: string, kind: RowKind, id: string, owner?: string, shows: Row['shows'] = {}): Row => ({
  type,
  kind,
  id: encodeGlobalID(type, id),
  ...(owner && { owner: encodeGlobalID('User', owner) }),
  shows,
});

/** Works on one item after the other, so that at most all personas query at the same time. */
export async function sequentially<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Works for all personas at the same time. */
export const forEachPersona = <T>(work: (persona: Persona) => Promise<T>): Promise<T[]> => Promise.all(personas.map(work));

type Ids = Record<'member' | 'inside' | 'granter', string>;

/** The rows of a user: one of each type in the domain and, for the plain user, one outside of it. */
async function seedRowsOf(server: TestServer, subject: Subject, userId: string, ids: Ids): Promise<Row[]> {
  const { db } = server;
  const user = { type: 'User', kind: subject } as const;
  const grants = { userId, roleId: ids.member, grantedById: ids.granter, expiresAt: soon() };
  const token = {
    ...sessionRow(userId),
    description: 'A device',
    createdFrom: '192.0.2.1',
    userAgent: 'curl',
    revokedAt: new Date(),
    revokedReason: 'LOGOUT',
    reuseAt: new Date(),
    reuseFrom: '192.0.2.1',
  } as const;
  const today = { day: new Date(), at: new Date() };
  const fieldRead = await db.prisma.fieldRead.create({
    data: { userId, actorId: ids.granter, field: 'User.phone', via: 'admin', ...today },
  });
  const createdIds = { User: userId };
  const rows = [
    ...(await sequentially(ownedModels, (model) => createOwned(db.prisma, model, subject, createdIds))),
    ...(await seedAuditEvents(server, subject, userId, ids)),
    rowOf('FieldRead', subject, fieldRead.id, userId, { actor: { type: 'User', kind: 'the granter' } }),
  ];
  for (const domainId of subject === 'user' ? [ids.inside, null] : [ids.inside]) {
    const kind = domainId ? subject : 'user, elsewhere';
    const domain = domainId ? ({ type: 'Domain', kind: 'active domain' } as const) : null;
    const grant = await db.prisma.roleGrant.create({ data: { ...grants, domainId } });
    const session = await db.prisma.token.create({ data: { ...token, domainId } });
    const role = { type: 'Role', kind: 'held role' } as const;
    const grantedBy = { type: 'User', kind: 'the granter' } as const;
    rows.push(rowOf('RoleGrant', kind, grant.id, userId, { user, role, domain, grantedBy }));
    rows.push(rowOf('Token', kind, session.id, userId, { user, domain }));
  }
  return rows;
}
