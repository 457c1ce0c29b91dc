import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { isEmbedded } from '../test-database.ts';
import { type QueryResult, startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { inAnHour, seedDelegation } from './delegation-fixtures.ts';
import { runConcurrently } from './run-concurrently.ts';

const server = await startTestServer();
const { superadmin, pass, revoke, member, holder, chain, held, grantOf } = await seedDelegation(server);

const move = (domain: { globalId: string }, parent: string) =>
  superadmin.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { name } } }', {
    input: { id: domain.globalId, parent },
  });
/** What was passed on and ended at once can no longer be read: that alone is no refusal. */
const outcome = ({ data, code }: QueryResult<unknown>) => (data ? 'done' : code);
const lines = ({ uuid }: TestUser, reason: string) => server.db.prisma.auditEvent.count({ where: { userId: uuid, reason } });
const isWaiting = async () =>
  (await server.db.query(sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length > 0;

describe('who passes a grant on', () => {
  it.skipIf(isEmbedded)('and loses it between the beginning of the request and its write, writes nothing', async () => {
    const [alice, bob] = [await holder(1), await member()];
    const { answer } = await server.db.prisma.$transaction(async (tx) => {
      await tx.roleGrant.deleteMany({ where: { userId: alice.uuid, delegable: 1 } });
      const meanwhile = pass(alice, bob);
      await waitUntil(isWaiting);
      return { answer: meanwhile };
    });
    expect((await answer).code).toBe('FORBIDDEN');
    expect(await held(bob)).toEqual([]);
  });

  it.each(['first', 'second'])('%s, while a grant above theirs is revoked, leaves nothing, and each end is in the audit', async (place) => {
    const [[alice, bob], dave] = [await chain(3), await member()];
    const both = [() => pass(bob, dave), () => revoke(superadmin, alice)];
    const answers = await runConcurrently(server, ...(place === 'first' ? both : both.reverse()));
    expect(answers.map(outcome)).toEqual(['done', place === 'first' ? 'done' : 'FORBIDDEN']);
    expect(await Promise.all([alice, bob, dave].map(held))).toEqual([[], [], []]);
    expect(await lines(dave, 'revoked')).toBe(await lines(dave, 'granted'));
  });

  it.each(['first', 'second'])('%s, while a grant above theirs is given an end, gives none that lasts longer', async (place) => {
    const [[alice, bob], dave] = [await chain(3), await member()];
    const both = [() => pass(bob, dave), () => pass(superadmin, alice, { delegable: 3, expiresAt: inAnHour() })];
    const answers = await runConcurrently(server, ...(place === 'first' ? both : both.reverse()));
    expect(answers.map(outcome)).toEqual(['done', 'done']);
    expect((await grantOf(dave)).expiresAt).toEqual((await grantOf(alice)).expiresAt);
  });

  it.each(['first', 'second'])('%s, while a domain between is moved away, leaves nothing there', async (place) => {
    const between = await server.domain(`between-${place}`, 'middle');
    await server.domain(`below-${place}`, between.name);
    const [alice, bob] = [await holder(1), await member()];
    const both = [() => pass(alice, bob, { domain: `below-${place}` }), () => move(between, 'aside')];
    const answers = await runConcurrently(server, ...(place === 'first' ? both : both.reverse()));
    expect(answers.map(outcome)).toEqual(['done', place === 'first' ? 'done' : 'FORBIDDEN']);
    expect(await held(bob)).toEqual([]);
  });

  it('makes one grant of 10 at the same moment', async () => {
    const [alice, bob] = [await holder(1), await member()];
    const answers = await Promise.all(Array.from({ length: 10 }, () => pass(alice, bob)));
    expect(answers.map(({ code, data }) => code ?? data.grantRole.changed).sort()).toEqual([...Array(9).fill(false), true]);
  });
});
