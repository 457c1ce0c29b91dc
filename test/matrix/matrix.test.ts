import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { acceptedExplanations, acceptedFromSuperadmin, type Explanation, explainAll, hiddenRowsIn } from './explain.ts';
import { type Persona, personas } from './personas.ts';
import { type Line, printMatrix } from './print.ts';
import { readFilters } from './read-filters.ts';
import { readQueries, readTypes } from './read-queries.ts';
import { type Explain, type Observation, readRows, readRowsBySecondPath } from './read-rows.ts';
import { runMutations } from './run-mutations.ts';
import { coordinates, unexplained } from './schema-fields.ts';
import { seedMatrix } from './seed.ts';
import { observeSubscriptions } from './subscribe.ts';

// Every persona executes an operation at every coordinate of the schema, once. All tests are about these observations.
const matrix = await seedMatrix(await startTestServer({ ACCESS_TOKEN_TTL: '15m' }));
const rows = await readRows(matrix);
const again = await readRowsBySecondPath(matrix);
const other = [...(await readTypes(matrix)), ...(await readQueries(matrix)), ...(await readFilters(matrix))];
const streams = await observeSubscriptions(matrix);

// Reads are explained before the mutations, and each mutation before it is executed, as both change what is explained.
const reads = (await withRevocationNodes([...rows, ...other, ...streams])).filter(({ verdict }) => verdict !== undefined);
const hidden = hiddenRowsIn(reads);
const explainedReads = await explainAll(matrix, reads);
const superadmin = await matrix.user('SUPERADMIN');
const ofOthers = reads.filter(({ persona }) => persona !== 'anonymous');
const explainedToSuperadmin = await explainAll(matrix, ofOthers, { caller: superadmin, isOther: true });
const explain: Explain = async (one, caller) => (await explainAll(matrix, [one as Observation], { caller }))[0]?.explained;
const mutations = await runMutations(matrix, explain);
const payloads = mutations.filter(({ explained, verdict }) => explained === undefined && verdict !== undefined);
const explainedMutations = [...mutations.filter(({ explained }) => explained !== undefined), ...(await explainAll(matrix, payloads))];

/** The mutations for which the revocation of sessions is the event. Others must record what they did, whatever they revoke. */
const revokesOnly = /^Mutation\.(?:logout|logoutEverywhere|revokeTokens?)$/;

/**
 * `refresh` records only the reuse of a token; `revokeTokens` one event for each token, and some users have none left; `revokeRole` none for a grant that does
 * not exist, which it does not reveal to a caller who cannot see it (docs/decisions/0048).
 */
const unaudited = ['Mutation.refresh', 'Mutation.revokeRole', 'Mutation.revokeTokens'];

const observed = [...rows, ...other, ...streams, ...mutations];

describe('the access rules', () => {
  it('are executed at every coordinate of the schema', () => {
    expect([...new Set(observed.map(({ coordinate }) => coordinate))].sort()).toEqual(coordinates().sort());
  });

  it('give every persona the expected verdict', () => {
    expect(observed.filter(({ verdict, predicted }) => verdict !== predicted).map(printVerdict)).toEqual([]);
  });

  it('give the same verdict on every path to a row', () => {
    expect(again.filter(({ verdict, predicted }) => verdict !== predicted).map(printVerdict)).toEqual([]);
  });

  it('are named in every denial', () => {
    expect(observed.flatMap(({ answer, needs }) => (answer ? unexplained(answer, needs) : []))).toEqual([]);
  });

  it('give the verdicts of docs/AUTHORIZATION.md (npm run access)', async () => {
    await expect(printMatrix(linesOf(observed))).toMatchFileSnapshot('../../docs/AUTHORIZATION.md');
  });
});

describe('the audit', () => {
  it('records every mutation that changes something', async () => {
    const succeeded = mutations.filter(({ coordinate, verdict }) => coordinate.startsWith('Mutation.') && verdict === '✔');
    const requestIdOf = ({ answer }: Observation) => answer?.headers.get('x-request-id') ?? '';
    const events = await matrix.db.prisma.auditEvent.findMany({ where: { requestId: { in: succeeded.map(requestIdOf) } } });
    const isRecorded = (one: Observation) =>
      events.some(
        ({ requestId, action }) => requestId === requestIdOf(one) && (action !== 'session_revoked' || revokesOnly.test(one.coordinate)),
      );
    const changedNothing = ({ answer }: Observation) =>
      Object.values((answer?.data ?? {}) as object).some((payload) => payload?.changed === false);
    const unrecorded = succeeded.filter((one) => !isRecorded(one) && !changedNothing(one)).map(({ coordinate }) => coordinate);
    expect([...new Set(unrecorded)].sort()).toEqual(unaudited);
  });
});

describe('explainAccess', () => {
  it('agrees with what a read returns, for every persona at every coordinate', () => {
    expect(explainedReads.length).toBeGreaterThan(2_000);
    expect(disagreeing(explainedReads, acceptedExplanations)).toEqual([]);
  });

  it('gives a superadmin who asks about the persona the same explanation', () => {
    expect(disagreeing(explainedToSuperadmin, acceptedFromSuperadmin)).toEqual([]);
  });

  it('agrees with what every mutation returns', () => {
    expect(explainedMutations.length).toBeGreaterThan(500);
    expect(disagreeing(explainedMutations, acceptedExplanations)).toEqual([]);
  });
});

function disagreeing(explained: readonly Observation[], accepted: (one: Observation, hidden: ReadonlySet<string>) => Explanation[]) {
  return explained
    .filter((one) => !accepted(one, hidden).includes(one.explained))
    .map((one) => `${printVerdict(one)}; explained ${one.explained}`);
}

function printVerdict({ coordinate, subject, persona, verdict, predicted }: Observation): string {
  return `${coordinate} of ${subject || 'no row'}, ${persona}: executed ${verdict}, expected ${predicted}`;
}

function linesOf(observations: readonly Observation[]): Line[] {
  const lines = [...Map.groupBy(observations, ({ coordinate, subject }) => `${coordinate} ${subject}`).values()];
  return lines.map((line) => {
    const verdictOf = (persona: Persona) => line.find((one) => one.persona === persona)?.verdict;
    return { coordinate: line[0]?.coordinate ?? '', subject: line[0]?.subject ?? '', verdicts: personas.map(verdictOf) };
  });
}

/** Gives the revocation records their ids in the database, by which `explainAccess` finds them: they are no nodes of the API. */
async function withRevocationNodes(observations: Observation[]): Promise<Observation[]> {
  const records = await matrix.db.prisma.tokenRevocation.findMany({ select: { id: true, tokenId: true } });
  const nodes = new Map(records.map(({ id, tokenId }) => [tokenId, encodeGlobalID('TokenRevocation', id)]));
  return observations.map((one) => {
    const id = one.about?.type === 'TokenRevocation' ? nodes.get(decodeGlobalID(one.about.id).id) : undefined;
    return one.about && id ? { ...one, about: { ...one.about, id } } : one;
  });
}
