import { describe, expect, it } from 'vitest';
import { conditionsOf } from '../../src/authorization/rules/rule.ts';
import { permissions } from '../../src/policy/permissions.ts';
import { ruleOf } from '../authorization/access.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import type { Persona, RowKind } from './personas.ts';
import { type Observation, readRows } from './read-rows.ts';
import { runMutations } from './run-mutations.ts';
import { type Matrix, seedMatrix, sequentially } from './seed.ts';

// Runs the persona matrix with API tokens: one with all scopes and one with almost none.
const matrix = await seedMatrix(await startTestServer({ ACCESS_TOKEN_TTL: '15m' }));
const everything = Object.keys(permissions);

/** The same matrix, in which every caller uses an API token. */
async function byTokens(scopes: string[]): Promise<Matrix> {
  const mint = 'mutation ($scopes: [String!]!) { createApiToken(input: { description: "d", scopes: $scopes }) { secret } }';
  const people = new Map<string, TestUser>();
  const known = [...new Set(matrix.allUsers())];
  await sequentially(known, async (person) => {
    const { data, errors } = await person.query(mint, { scopes });
    if (errors) throw new Error(JSON.stringify(errors));
    const token = data.createApiToken.secret as string;
    people.set(person.id, { ...person, accessToken: token, query: (document, variables) => matrix.query(document, variables, { token }) });
  });
  const caller = (persona: Persona, kind?: RowKind) => {
    const person = matrix.caller(persona, kind);
    return person && people.get(person.id);
  };
  const queryAs: Matrix['queryAs'] = (persona, kind, document, variables) =>
    caller(persona, kind)?.query(document, variables) ?? matrix.query(document, variables);
  return { ...matrix, caller, queryAs };
}

const describeObservation = ({ coordinate, subject, persona, verdict, predicted }: Observation) =>
  `${coordinate} of ${subject}, ${persona}: ${verdict} by a token, ${predicted} by a session`;
const isMore = ({ verdict, predicted }: Observation) => verdict === '✔' && predicted !== '✔';

describe('an API token in the persona matrix', () => {
  it('reads exactly what its owner reads with all scopes', async () => {
    const read = await readRows(await byTokens(everything));
    expect(read.filter(({ verdict, predicted }) => verdict !== predicted).map(describeObservation)).toEqual([]);
  });

  it('reads almost nothing with one unrelated scope', async () => {
    const read = (await readRows(await byTokens(['tokens:revoke']))).filter(({ persona }) => persona !== 'anonymous');
    expect(read.filter(isMore).map(describeObservation)).toEqual([]);
    const allowed = read.filter(({ verdict }) => verdict === '✔').map(({ coordinate }) => coordinate);
    expect([...new Set(allowed)].sort()).toEqual(['Domain.id', 'Domain.name', 'Domain.viewerAccess']);
  });

  it('does nothing that its owner may not do and nothing that requires a session', async () => {
    const outcomes = (await runMutations(await byTokens(everything))).filter(
      ({ coordinate, persona }) => coordinate.startsWith('Mutation.') && persona !== 'anonymous',
    );
    const rowsOfAnother = outcomes.filter(({ coordinate }) => !comesWithItsOwnSession.has(coordinate));
    expect(rowsOfAnother.filter(isMore).map(describeObservation)).toEqual([]);
    const takesSession = rowsOfAnother.filter(({ coordinate }) => conditionsOf(ruleOf(coordinate)).some(({ is }) => is === 'session'));
    expect(takesSession.length).toBeGreaterThan(100);
    expect(takesSession.filter(({ verdict }) => verdict === '✔').map(describeObservation)).toEqual([]);
  }, 120_000);
});

// These are tested with a separate session, whatever the caller uses.
const comesWithItsOwnSession = new Set(
  ['register', 'login', 'refresh', 'reauthenticate', 'logout', 'createApiToken', 'changePassword', 'deleteAccount'].map(
    (name) => `Mutation.${name}`,
  ),
);
