import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateRule, findMatchingRows } from '../../src/authorization/evaluate/conditions.ts';
import type { Row } from '../../src/authorization/rules/policy.ts';
import { type Condition, print } from '../../src/authorization/rules/rule.ts';
import { loadUserAsViewer, loadViewers, type Viewer } from '../../src/identity/viewer.ts';
import type { Model } from '../../src/policy/models.ts';
import { ownership } from '../../src/policy/ownership.ts';
import { type Permission, permissions } from '../../src/policy/permissions.ts';
import { modelDelegate, policy } from '../../src/policy/policy.ts';
import { startTestServer } from '../test-server.ts';

// Every condition is decided twice: in memory with the columns that were read, and by the database. Whenever memory decides, the database must
// decide the same, for whatever rows, grants and credentials there are.

const server = await startTestServer();
const { prisma } = server.db;
const later = new Date(Date.now() + 86_400_000);
const earlier = new Date(Date.now() - 86_400_000);

for (const [name, parent] of [['top'], ['middle', 'top'], ['bottom', 'middle'], ['other']] as const) await server.domain(name, parent);
for (const [name, granted] of Object.entries({ READER: ['users:read', 'roles:read'], KEEPER: ['domains:write'] }))
  await prisma.role.create({ data: { name, permissions: granted } });
const users = await Promise.all(
  Array.from({ length: 4 }, (_, index) =>
    prisma.user.create({ data: { email: `u${index}@example.com`, emailKey: `u${index}@example.com`, displayName: `User ${index}` } }),
  ),
);
const [roles, domains] = [await prisma.role.findMany(), await prisma.domain.findMany()];

const user = fc.constantFrom(...users.map(({ id }) => id));
// Most grants are of the role ADMIN: only its holders reach rows in more than one way.
const role = fc.constantFrom(...roles.flatMap(({ id, name }) => (name === 'ADMIN' ? [id, id, id, id] : [id])));
const domain = fc.constantFrom(null, ...domains.map(({ id }) => id));
const several = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 3, maxLength: 6 });

const arbitraryRows = fc.record({
  grants: fc.array(
    fc.record({
      userId: user,
      roleId: role,
      domainId: domain,
      delegable: fc.constantFrom(0, 1),
      expiresAt: fc.constantFrom(null, null, later, earlier),
    }),
    { minLength: 8, maxLength: 14 },
  ),
  tokens: several(fc.record({ userId: user, domainId: domain, kind: fc.constantFrom('SESSION' as const, 'API' as const) })),
  revocations: several(fc.record({ userId: user, domainId: domain, tokenId: fc.uuid() })),
  settings: several(fc.record({ userId: user, key: fc.uuid() })),
  invitations: several(fc.record({ roleId: role, domainId: domain, invitedById: user })),
  reads: several(fc.record({ userId: user, actorId: user, field: fc.uuid() })),
  events: several(fc.record({ userId: fc.option(user), actorId: fc.option(user), domainId: domain })),
  inactive: fc.subarray(
    domains.map(({ id }) => id),
    { maxLength: 1 },
  ),
});

const arbitraryViewer = fc.record({
  id: fc.option(user, { freq: 8 }),
  scopes: fc.option(fc.subarray(Object.keys(permissions))),
  /** The domain of the caller's API token, if it has one. */
  tokenDomain: fc.option(fc.constantFrom(...domains.map(({ id }) => id))),
  recentlyAuthenticated: fc.boolean(),
  isConfirmed: fc.boolean(),
});

type Rows = typeof arbitraryRows extends fc.Arbitrary<infer T> ? T : never;
type Caller = typeof arbitraryViewer extends fc.Arbitrary<infer T> ? T : never;

describe('a condition', { timeout: 120_000 }, () => {
  it('is decided alike in memory and by the database', async () => {
    let decided = 0;
    const property = fc.asyncProperty(arbitraryRows, arbitraryViewer, fc.infiniteStream(fc.boolean()), async (rows, caller, coin) => {
      await store(rows);
      const viewer = await viewerFor(caller);
      for (const model of Object.keys(ownership) as Model[]) decided += await compare(model, viewer, () => coin.next().value === true);
    });
    await fc.assert(property, { numRuns: 25, endOnFailure: true });
    expect(decided).toBeGreaterThan(1_000);
  });
});

const most = 14; // rows of a model

/** Compares every condition for every row of a model. Returns how many decisions memory made. */
async function compare(model: Model, viewer: Viewer | null, coin: () => boolean): Promise<number> {
  const all = await modelDelegate(prisma, model).findMany({ where: {} });
  const found = all.sort((a, b) => a.id.localeCompare(b.id)).slice(-most); // audit events stay: only the last ones are new
  const ids = found.map(({ id }) => id);
  let decided = 0;
  for (const condition of found[0] ? conditionsFor(model, found[0]) : []) {
    const matching = await findMatchingRows(policy, prisma, condition, viewer, { model, ids });
    const always = evaluateRule(policy, condition, viewer, { model });
    for (const row of found) {
      const readings = [row, { id: row.id }, Object.fromEntries(Object.entries(row).filter(([name]) => name === 'id' || coin())) as Row];
      for (const decision of [always, ...readings.map((reading) => evaluateRule(policy, condition, viewer, { model, row: reading }))]) {
        if (decision === undefined) continue;
        decided += 1;
        expect(decision, `${print(condition)} about ${model} ${row.id}`).toBe(matching.has(row.id));
      }
    }
  }
  return decided;
}

/** Every condition that can be asked about the model: those about the row alone need its columns. */
function conditionsFor(model: Model, row: Row): Condition[] {
  const some: readonly Permission[] = ['users:read', 'roles:read', 'domains:write'];
  return Object.keys(policy.conditions).flatMap((is): Condition[] => {
    const definition = policy.conditions[is];
    const columns = definition?.dependsOn === 'row' ? Object.keys(definition.toWhere(model)) : [];
    if (!columns.every((column) => column in row)) return [];
    return is === 'may' || is === 'scope' ? some.map((of) => ({ is, of })) : [{ is, of: '' }];
  });
}

async function viewerFor({ id, scopes, tokenDomain, recentlyAuthenticated, isConfirmed }: Caller): Promise<Viewer | null> {
  if (id === null) return null;
  const viewer = tokenDomain ? await viewerByToken(id, tokenDomain) : await loadUserAsViewer(prisma, id);
  if (!viewer) throw new Error(`no user ${id}`);
  const confirmed = { ...viewer.user, emailConfirmedAt: isConfirmed ? earlier : null };
  return { ...viewer, user: confirmed, scopes: scopes && new Set(scopes), recentlyAuthenticated };
}

async function viewerByToken(userId: string, domainId: string): Promise<Viewer | undefined> {
  const { id } = await prisma.token.create({ data: { kind: 'API', userId, domainId, expiresAt: later, idleExpiresAt: later } });
  const [result] = await loadViewers(server.db, [{ sid: id, sub: userId }], 1_000);
  return result?.viewer;
}

async function store({ grants, tokens, revocations, settings, invitations, reads, events, inactive }: Rows) {
  for (const model of ['RoleGrant', 'Token', 'TokenRevocation', 'UserSetting', 'Invitation', 'FieldRead'])
    await (modelDelegate(prisma, model) as unknown as { deleteMany(): Promise<unknown> }).deleteMany();
  await prisma.domain.updateMany({ data: { active: true } });
  await prisma.domain.updateMany({ where: { id: { in: inactive } }, data: { active: false } });
  await prisma.roleGrant.createMany({ data: grants, skipDuplicates: true });
  await prisma.token.createMany({ data: tokens.map((token) => ({ ...token, expiresAt: later, idleExpiresAt: later })) });
  const revoked = { kind: 'SESSION', reason: 'LOGOUT', initiator: 'USER' } as const;
  await prisma.tokenRevocation.createMany({ data: revocations.map((revocation) => ({ ...revocation, ...revoked })) });
  await prisma.userSetting.createMany({ data: settings });
  const invited = { email: 'new@example.com', emailKey: 'new@example.com', expiresAt: later };
  await prisma.invitation.createMany({ data: invitations.map((invitation) => ({ ...invitation, ...invited })) });
  await prisma.fieldRead.createMany({ data: reads.map((read) => ({ ...read, via: 'admin', day: later, at: later })) });
  await prisma.auditEvent.createMany({ data: events.map((event) => ({ ...event, action: 'test', result: 'SUCCESS' })) });
}
