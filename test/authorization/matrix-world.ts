import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { parentOf } from '../../src/authorization/rules/ownership.ts';
import type { Prisma } from '../../src/database/generated/prisma/client.ts';
import { loginIdentifier } from '../../src/identity/accounts/username.ts';
import type { Model } from '../../src/policy/models.ts';
import { modelDelegate, policy } from '../../src/policy/policy.ts';
import type { QueryResult, TestServer, TestUser } from '../test-server.ts';
import { exampleProfile } from '../user/example-profile.ts';
import { eventsAbout } from './matrix-events.ts';
import { invitation } from './matrix-invitations.ts';
import { furnishPlaces } from './matrix-places.ts';
import { type Kind, type Persona, personas, type Row, type Subject, subjects } from './matrix-truth.ts';

const soon = () => new Date(Date.now() + 3_600_000);

/** A session that somebody has on some device. */
export const session = (userId: string): Prisma.TokenUncheckedCreateInput => ({
  kind: 'SESSION',
  userId,
  scopes: ['users:read'],
  lastUsedAt: new Date(),
  expiresAt: soon(),
  idleExpiresAt: soon(),
});

const profile = {
  ...exampleProfile,
  loginCount: 2,
  lastLoginAt: new Date(),
  lastLoginFrom: '192.0.2.1',
};

/** Whoever is to ask is not deleted, so there is nothing to show. */
const notDeleted = { deletedAt: null, erasedAt: null };

/** The roles that a persona or subject holds: name, and domain if not everywhere. */
const held: Record<Exclude<Persona, 'anonymous' | 'self'>, [string, string?]> = {
  'other user': ['USER'],
  reader: ['READER', 'inside'],
  'domain admin': ['ADMIN', 'inside'],
  'foreign domain admin': ['ADMIN', 'abroad'],
  'parent domain admin': ['ADMIN', 'above'],
  admin: ['ADMIN'],
  superadmin: ['SUPERADMIN'],
};
export const heldBySubject: Record<Subject, [string, string?]> = {
  user: ['USER'],
  'domain admin': ['ADMIN', 'inside'],
  admin: ['ADMIN'],
  superadmin: ['SUPERADMIN'],
};

/** Everybody and everything that the matrix asks about; nothing in it is changed while it is asked. */
export async function seedMatrix(server: TestServer) {
  const { inside, abroad, closed, member, unheld } = await furnishPlaces(server);
  const callers = new Map<Persona, TestUser>();
  for (const [persona, [role, domain]] of Object.entries(held)) callers.set(persona as Persona, await server.user(role, domain));
  await server.db.prisma.roleGrant.updateMany({ where: { userId: callers.get('reader')?.uuid ?? '' }, data: { delegable: 1 } });
  const selves = new Map<Subject, TestUser>();
  for (const subject of subjects) selves.set(subject, await server.user(...heldBySubject[subject]));

  const granter = callers.get('superadmin')?.uuid ?? '';
  const rows: Row[] = [
    { ...rowOf('Role', 'held role', member.id), name: 'MEMBER' },
    { ...rowOf('Role', 'other role', unheld.id), name: 'UNHELD' },
    { ...rowOf('Domain', 'active domain', inside.id), name: 'inside' },
    { ...rowOf('Domain', 'inactive domain', closed.id), name: 'closed' },
  ];
  rows.push(await invitation(server, { roleId: member.id, domainId: inside.id, invitedById: granter }));
  for (const [subject, { uuid, email }] of selves) {
    await server.db.prisma.user.update({ where: { id: uuid }, data: { ...profile, ...loginIdentifier(`a${uuid.slice(-12)}`) } });
    rows.push({ ...rowOf('User', subject, uuid, uuid, notDeleted), name: email });
    rows.push(...(await belongings(server, subject, uuid, { member: member.id, inside: inside.id, granter })));
  }

  /** The persona; `self` is the subject of that kind. Undefined for nobody. */
  const caller = (persona: Persona, kind?: Kind): TestUser | undefined =>
    persona === 'self' ? (selves.get(subjectOf(kind)) as TestUser) : callers.get(persona);
  const ask = (persona: Persona, kind: Kind | undefined, document: string, variables?: object): Promise<QueryResult<Data>> =>
    caller(persona, kind)?.query(document, variables) ?? server.query(document, variables);
  return {
    ...server,
    rows: rows.filter(({ type }) => type !== 'FieldRead'),
    readings: rows.filter(({ type }) => type === 'FieldRead'), // no nodes: they are reached by their owner
    selves,
    caller,
    everybody: () => [...callers.values(), ...selves.values()],
    ask,
    /** A row of a kept model for a user. */
    keep: (model: Model, subject: Subject, userId: string) => keep(server.db.prisma, model, subject, { User: userId }),
    domains: { inside: inside.id, abroad: abroad.id } as Record<string, string>,
    role: member.id,
  };
}

export type SeededMatrix = Awaited<ReturnType<typeof seedMatrix>>;

// biome-ignore lint/suspicious/noExplicitAny: documents are built from the schema
export type Data = any;

export const subjectOf = (kind: Kind | undefined): Subject => subjects.find((subject) => subject === kind) ?? 'user';

const rowOf = (type: string, kind: Kind, id: string, owner?: string, shows: Row['shows'] = {}): Row => ({
  type,
  kind,
  id: encodeGlobalID(type, id),
  ...(owner && { owner: encodeGlobalID('User', owner) }),
  shows,
});

/** Does one after the other, so that no more than the personas ask at the same time. */
export async function inTurn<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Runs for every persona at once; they do not wait for each other. */
export const forEach = <T>(work: (persona: Persona) => Promise<T>): Promise<T[]> => Promise.all(personas.map(work));

/** What a user has of each model that belongs to users and to no domain: what is above first. A new owned type is one more line. */
const kept: Partial<Record<Model, () => object>> = {
  UserSetting: () => ({ key: randomUUID(), value: 'dark' }),
};

type Ids = Partial<Record<Model, string>>;

/** A row of a kept model, and of what it belongs to where that is not in `ids` yet, where it then is. */
async function keep(prisma: TestServer['db']['prisma'], model: Model, kind: Subject, ids: Ids): Promise<Row> {
  const up = parentOf(policy.ownership, model) as { model: Model; column: string } | undefined;
  const data = kept[model]?.();
  if (!up || !data) throw new Error(`${model} is not kept`);
  if (!ids[up.model]) await keep(prisma, up.model, kind, ids);
  const owner = ids[up.model] ?? '';
  const maker = modelDelegate(prisma, model) as unknown as { create(row: object): Promise<{ id: string }> };
  const { id } = await maker.create({ data: { ...data, [up.column]: owner } });
  ids[model] = id;
  return { ...rowOf(model, kind, id, undefined, { user: { type: 'User', kind } }), owner: encodeGlobalID(up.model, owner) };
}

type Places = Record<'member' | 'inside' | 'granter', string>;

/** What a user has: one row of each type in the domain, and of a plain user one outside of it. */
async function belongings(server: TestServer, subject: Subject, userId: string, at: Places): Promise<Row[]> {
  const { db } = server;
  const user = { type: 'User', kind: subject } as const;
  const grants = { userId, roleId: at.member, grantedById: at.granter, expiresAt: soon() };
  const token = {
    ...session(userId),
    description: 'A device',
    createdFrom: '192.0.2.1',
    userAgent: 'curl',
    revokedAt: new Date(),
    revokedReason: 'LOGOUT',
    reuseAt: new Date(),
    reuseFrom: '192.0.2.1',
  } as const;
  const places = subject === 'user' ? [at.inside, null] : [at.inside];
  const ids = { User: userId };
  const today = { day: new Date(), at: new Date() };
  const reading = await db.prisma.fieldRead.create({ data: { userId, actorId: at.granter, field: 'User.phone', via: 'admin', ...today } });
  const rows = [
    ...(await inTurn(Object.keys(kept) as Model[], (model) => keep(db.prisma, model, subject, ids))),
    ...(await eventsAbout(server, subject, userId, at)),
    rowOf('FieldRead', subject, reading.id, userId, { actor: { type: 'User', kind: 'the granter' } }),
  ];
  for (const domainId of places) {
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
