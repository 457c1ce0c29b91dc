import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import type { Prisma } from '../../src/database/generated/prisma/client.ts';
import { graphql } from '../generated/gql.ts';
import type { AuditEventFilter } from '../generated/graphql.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const north = await server.domain('north');
await server.db.prisma.role.create({ data: { name: 'AUDITOR', permissions: ['audit:read', 'users:read'] } });
const ann = await server.user('USER', 'north');
const admin = await server.user('ADMIN');
const superadmin = await server.user('SUPERADMIN');
const document = graphql(`
  query AuditEvents($filter: AuditEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
    auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { node {
        id at action result reason actor { id } user { id } domain { name } targetType targetId network agent requestId details
      } }
    }
  }
`);

/** Inserts an audit event with a unique action. */
async function insertEvent(parts: Omit<Prisma.AuditEventUncheckedCreateInput, 'action' | 'result'> = {}, result = 'ok') {
  const action = randomUUID();
  const { id } = await server.db.prisma.auditEvent.create({ data: { network: '192.0.2.7', agent: 'curl', ...parts, action, result } });
  return { action, id, node: encodeGlobalID('AuditEvent', id) };
}
const list = async (person: TestUser, filter?: AuditEventFilter, page: object = {}) =>
  (await person.query(document, { filter, ...page })).data.auditEvents;
const sees = async (person: TestUser, { action, node }: Awaited<ReturnType<typeof insertEvent>>) => {
  const { totalCount, edges } = await list(person, { action });
  const { data } = await person.query('query ($node: ID!) { node(id: $node) { id } }', { node });
  expect([totalCount, data.node ? 1 : 0]).toEqual([edges.length, edges.length]);
  return totalCount === 1;
};

describe('auditEvents', () => {
  it('returns the event with its user, actor, domain, target, network and agent', async () => {
    const parts = { userId: ann.uuid, actorId: admin.uuid, domainId: north.id, targetType: 'User', targetId: ann.uuid };
    const { action, node } = await insertEvent({ ...parts, reason: 'tried', requestId: 'r', details: { role: 'USER' } }, 'denied');
    const { edges } = await list(superadmin, { action });
    expect(edges[0]?.node).toEqual({
      ...{ id: node, at: expect.any(String), action, result: 'DENIED', reason: 'tried', actor: { id: admin.id }, user: { id: ann.id } },
      ...{ domain: { name: 'north' }, targetType: 'User', targetId: ann.id, network: '192.0.2.7', agent: 'curl', requestId: 'r' },
      details: { role: 'USER' },
    });
  });

  it('contains the events of a real mutation', async () => {
    const alice = await server.user();
    await superadmin.query('mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }', { id: alice.id });
    const { edges } = await list(superadmin, { user: alice.id });
    expect(edges.map(({ node }) => node.action)).toEqual(
      expect.arrayContaining(['user_updated', 'session_revoked', 'authn_login_success']),
    );
  });

  it('shows users only events about themselves', async () => {
    const [own, others, nobodys] = [
      await insertEvent({ userId: ann.uuid }),
      await insertEvent({ userId: admin.uuid }),
      await insertEvent(),
    ];
    expect([await sees(ann, own), await sees(ann, others), await sees(ann, nobodys)]).toEqual([true, false, false]);
  });

  it('hides the actor, network and agent from a user who cannot see the actor', async () => {
    const [theirs, own] = [
      await insertEvent({ userId: ann.uuid, actorId: admin.uuid }),
      await insertEvent({ userId: ann.uuid, actorId: ann.uuid }),
    ];
    const visible = async ({ action }: { action: string }) =>
      (await list(ann, { action })).edges.map(({ node }) => [node.actor?.id, node.network, node.agent]);
    expect(await visible(theirs)).toEqual([[undefined, null, null]]);
    expect(await visible(own)).toEqual([[ann.id, '192.0.2.7', 'curl']]);
    expect((await list(ann, { actor: admin.id })).totalCount).toBe(0);
    expect((await list(ann, { actor: ann.id, action: own.action })).totalCount).toBe(1);
  });

  it('shows platform administrators all events except those that involve a current superadmin', async () => {
    const former = await server.user('SUPERADMIN');
    const events = [
      await insertEvent({ userId: former.uuid }),
      await insertEvent({ actorId: former.uuid }),
      await insertEvent({ userId: ann.uuid, actorId: former.uuid }),
    ];
    const visible = () => Promise.all(events.map((event) => sees(admin, event)));
    expect(await visible()).toEqual([false, false, false]);
    await server.db.prisma.roleGrant.updateMany({ where: { userId: former.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect(await visible()).toEqual([true, true, true]);
  });

  it.each([['ADMIN'], ['AUDITOR']])(
    'shows holders of %s in a domain the events in it, except those that involve ranked users',
    async (role) => {
      const [inside, everywhere] = [await server.user(role, 'north'), await server.user(role)];
      const of = (parts: object) => insertEvent({ domainId: north.id, ...parts });
      const events = [
        await of({}),
        await of({ userId: ann.uuid }),
        await of({ userId: admin.uuid }),
        await of({ actorId: superadmin.uuid }),
        await insertEvent(),
      ];
      expect(await Promise.all(events.map((event) => sees(inside, event)))).toEqual([true, true, false, false, false]);
      expect(await Promise.all(events.map((event) => sees(everywhere, event)))).toEqual([true, true, true, false, true]);
    },
  );

  it('keeps showing events of deleted users', async () => {
    const gone = await server.user();
    const event = await insertEvent({ userId: gone.uuid, actorId: gone.uuid });
    await server.db.prisma.user.delete({ where: { id: gone.uuid } });
    expect([await sees(admin, event), await sees(superadmin, event)]).toEqual([true, true]);
    const { edges } = await list(admin, { user: gone.id, action: event.action });
    expect(edges.map(({ node }) => [node.user, node.network])).toEqual([[null, '192.0.2.7']]);
  });

  it('requires the scope audit:read for an API token, in lists and by node', async () => {
    const { node } = await insertEvent({ userId: admin.uuid });
    const by = async (scopes: string[]) => {
      const mint = 'mutation ($scopes: [String!]!) { createApiToken(input: { description: "d", scopes: $scopes }) { secret } }';
      const token = (await admin.query(mint, { scopes })).data.createApiToken.secret;
      const listed = await server.query('{ auditEvents(first: 1) { edges { node { action } } } }', {}, { token });
      return [listed.code, (await server.query('query ($node: ID!) { node(id: $node) { id } }', { node }, { token })).code];
    };
    expect(await by(['users:read'])).toEqual(['FORBIDDEN', 'NOT_FOUND']);
    expect(await by(['audit:read'])).toEqual([undefined, undefined]);
  });
});

describe('pagination of auditEvents', () => {
  it('continues newest first without gaps, also while new events are recorded', async () => {
    const targetId = randomUUID();
    const filter = { targetId: encodeGlobalID('Role', targetId) };
    const event = () => insertEvent({ targetType: 'Role', targetId });
    for (let count = 0; count < 5; count += 1) await event();
    const later = await event();
    const whole = (await list(admin, filter)).edges.map(({ node }) => node.id);
    const first = await list(admin, filter, { first: 2 });
    await event();
    const second = await list(admin, filter, { first: 10, after: first.pageInfo.endCursor });
    expect([...first.edges, ...second.edges].map(({ node }) => node.id)).toEqual(whole);
    expect([whole[0], second.pageInfo.hasNextPage, second.totalCount]).toEqual([later.node, false, 7]);
    const back = await list(admin, filter, { last: 1, before: second.pageInfo.startCursor });
    expect(back.edges.map(({ node }) => node.id)).toEqual([whole[1]]);
  });

  it.skipIf(isEmbedded)(
    'shows a reader who follows the list every event, also of a transaction that commits after later ones',
    async () => {
      const { id, uuid } = await server.user();
      const filter = { user: id };
      let cursor = (await list(admin, filter, { first: 1 })).pageInfo.startCursor;
      const next = async () => {
        const { edges, pageInfo } = await list(admin, filter, { last: 10, before: cursor });
        cursor = pageInfo.startCursor ?? cursor;
        return edges.map(({ node }) => node.action);
      };
      const seen = await server.db.prisma.$transaction(async (tx) => {
        await tx.auditEvent.create({ data: { action: 'late', result: 'ok', userId: uuid } });
        await admin.query('mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }', { id });
        return next();
      });
      expect([seen, await next()]).toEqual([expect.arrayContaining(['user_updated']), ['late']]);
    },
  );
});

describe('the filter of auditEvents', () => {
  it('matches each field, with inclusive time bounds', async () => {
    const at = new Date('2020-01-01T00:00:00Z');
    const { action, node } = await insertEvent({
      userId: ann.uuid,
      actorId: admin.uuid,
      domainId: north.id,
      targetType: 'Role',
      targetId: north.id,
      at,
    });
    const has = async (filter: AuditEventFilter) =>
      (await list(superadmin, { ...filter, action })).edges.some((edge) => edge.node.id === node);
    const before = new Date(at.getTime() - 1);
    const filters: [AuditEventFilter, AuditEventFilter][] = [
      [{ user: ann.id }, { user: admin.id }],
      [{ actor: admin.id }, { actor: ann.id }],
      [{ domain: 'north' }, { domain: 'south' }],
      [{ result: 'OK' }, { result: 'DENIED' }],
      [{ from: at }, { from: new Date(at.getTime() + 1) }],
      [{ to: at }, { to: before }],
      [{ targetType: 'Role' }, { targetType: 'Token' }],
      [{ targetId: encodeGlobalID('Role', north.id) }, { targetId: encodeGlobalID('Role', 'x') }],
    ] as never;
    for (const [matching, other] of filters) expect([matching, await has(matching), await has(other)]).toEqual([matching, true, false]);
  });
});
