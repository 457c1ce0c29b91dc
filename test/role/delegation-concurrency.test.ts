import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { isEmbedded } from '../test-database.ts';
import { type QueryResult, startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { inAnHour, seedDelegation } from './delegation-fixtures.ts';
import { runConcurrently } from './run-concurrently.ts';

const server = await startTestServer();
const { superadmin, delegate, revoke, member, holder, chain, rolesOf, grantOf } = await seedDelegation(server);

const move = (domain: { globalId: string }, parent: string) =>
  superadmin.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { name } } }', {
    input: { id: domain.globalId, parent },
  });
/** A grant that was delegated and revoked at once cannot be read in the payload; that error is not a rejection. */
const outcome = ({ data, code }: QueryResult<unknown>) => (data ? 'done' : code);
const lines = ({ uuid }: TestUser, reason: string) => server.db.prisma.auditEvent.count({ where: { userId: uuid, reason } });
const isWaiting = async () =>
  (await server.db.query(sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length > 0;

describe('delegating a grant concurrently with other changes', () => {
  it.skipIf(isEmbedded)('writes nothing when the delegating grant is deleted before the write', async () => {
    const [alice, bob] = [await holder(1), await member()];
    const { answer } = await server.db.prisma.$transaction(async (tx) => {
      await tx.roleGrant.deleteMany({ where: { userId: alice.uuid, delegable: 1 } });
      const meanwhile = delegate(alice, bob);
      await waitUntil(isWaiting);
      return { answer: meanwhile };
    });
    expect((await answer).code).toBe('FORBIDDEN');
    expect(await rolesOf(bob)).toEqual([]);
  });

  it.each(['first', 'second'])(
    'leaves no delegated grant when a grant above is revoked and the delegation runs %s, and audits each revocation',
    async (place) => {
      const [[alice, bob], dave] = [await chain(3), await member()];
      const both = [() => delegate(bob, dave), () => revoke(superadmin, alice)];
      const answers = await runConcurrently(server, ...(place === 'first' ? both : both.reverse()));
      expect(answers.map(outcome)).toEqual(['done', place === 'first' ? 'done' : 'FORBIDDEN']);
      expect(await Promise.all([alice, bob, dave].map(rolesOf))).toEqual([[], [], []]);
      expect(await lines(dave, 'revoked')).toBe(await lines(dave, 'granted'));
    },
  );

  it.each(['first', 'second'])(
    'does not exceed the expiry of a grant above that is limited concurrently, when the delegation runs %s',
    async (place) => {
      const [[alice, bob], dave] = [await chain(3), await member()];
      const both = [() => delegate(bob, dave), () => delegate(superadmin, alice, { delegable: 3, expiresAt: inAnHour() })];
      const answers = await runConcurrently(server, ...(place === 'first' ? both : both.reverse()));
      expect(answers.map(outcome)).toEqual(['done', 'done']);
      expect((await grantOf(dave)).expiresAt).toEqual((await grantOf(alice)).expiresAt);
    },
  );

  it.each(['first', 'second'])(
    'leaves no delegated grant when the domain is moved away concurrently, when the delegation runs %s',
    async (place) => {
      const between = await server.domain(`between-${place}`, 'middle');
      await server.domain(`below-${place}`, between.name);
      const [alice, bob] = [await holder(1), await member()];
      const both = [() => delegate(alice, bob, { domain: `below-${place}` }), () => move(between, 'aside')];
      const answers = await runConcurrently(server, ...(place === 'first' ? both : both.reverse()));
      expect(answers.map(outcome)).toEqual(['done', place === 'first' ? 'done' : 'FORBIDDEN']);
      expect(await rolesOf(bob)).toEqual([]);
    },
  );

  it('creates one grant when it is called 10 times concurrently', async () => {
    const [alice, bob] = [await holder(1), await member()];
    const answers = await Promise.all(Array.from({ length: 10 }, () => delegate(alice, bob)));
    expect(answers.map(({ code, data }) => code ?? data.grantRole.changed).sort()).toEqual([...Array(9).fill(false), true]);
  });
});
