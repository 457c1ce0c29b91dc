import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { needsRow } from '../../src/authorization/evaluate/conditions.ts';
import { conditionsOf, print } from '../../src/authorization/rules/rule.ts';
import { policy } from '../../src/policy/policy.ts';
import { startTestServer } from '../test-server.ts';
import { access, ruleOf } from './access.ts';
import { readCriteria } from './matrix-criteria.ts';
import { readQueries, readTypes } from './matrix-reads.ts';
import { type Explain, type Observation, readRows } from './matrix-rows.ts';
import { runMutations } from './matrix-runs.ts';
import { listen } from './matrix-streams.ts';
import type { Kind, Persona } from './matrix-truth.ts';
import { type Data, inTurn, seedMatrix } from './matrix-world.ts';

// Every cell of the persona matrix is executed, and explained by the server to the persona, and to a superadmin who asks about the persona.
const matrix = await seedMatrix(await startTestServer());
const read = [
  ...(await readRows(matrix)),
  ...(await readTypes(matrix)),
  ...(await readQueries(matrix)),
  ...(await readCriteria(matrix)),
  ...(await withNodes(await listen(matrix))),
];
const hidden = new Set(read.filter(isHidden).map(keyOf));
const mostRoots = 10; // of one operation

describe('explainAccess', () => {
  it('agrees with what a read answers, at every place and for every kind of caller', async () => {
    const reached = read.filter(({ verdict }) => verdict !== undefined);
    const explained = await explainAll(reached, (one) => matrix.caller(one.persona, one.subject as Kind));
    expect(reached.length).toBeGreaterThan(2_000);
    expect(explained.filter((one) => !wanted(one).includes(one.explained)).map(told)).toEqual([]);
  }, 120_000);

  it('says the same to a superadmin who asks about the caller', async () => {
    const reached = read.filter(({ verdict, persona }) => verdict !== undefined && persona !== 'anonymous');
    const superadmin = await matrix.user('SUPERADMIN');
    const explained = await explainAll(reached, () => superadmin, true);
    const said = (one: Observation) => {
      if (one.about?.type === 'FieldRead') return ['NOT_FOUND']; // of which a superadmin may not know
      return wanted(one).map((outcome) => (outcome === 'NOT_FOUND' ? !asksOfRow(one) : outcome));
    };
    expect(explained.filter((one) => !said(one).includes(one.explained)).map(told)).toEqual([]);
  }, 120_000);

  it('agrees with what every mutation answers', async () => {
    const before: Explain = async (one, caller) => (await explainAll([one as Observation], () => caller))[0]?.explained;
    const all = await runMutations(matrix, before);
    const payloads = all.filter(({ explained, verdict }) => explained === undefined && verdict !== undefined);
    const ofPayloads = await explainAll(payloads, ({ persona, subject }) => matrix.caller(persona, subject as Kind));
    const outcomes = [...all.filter(({ explained }) => explained !== undefined), ...ofPayloads];
    expect(outcomes.length).toBeGreaterThan(500);
    expect(outcomes.filter((one) => !wanted(one).includes(one.explained)).map(told)).toEqual([]);
  }, 240_000);
});

/** What the explanation may be, by what was executed. */
function wanted(one: Observation): (boolean | string | undefined)[] {
  const { verdict, coordinate, answer } = one;
  if (verdict === '✔' || verdict === '!') return [true];
  const isUnknown = hidden.has(keyOf(one)) && (access.models.has(coordinate) || /Input\./.test(coordinate));
  if (verdict === '∅') return [isUnknown || coordinate.startsWith('Mutation.') ? 'NOT_FOUND' : true];
  // A mutation may need more than its own rule for what the input asks; the denial says which rule it was.
  const denied = answer?.errors?.find(({ extensions }) => extensions.rule)?.extensions.rule;
  const isOther = /^(Mutation|\w+Input)\./.test(coordinate) && denied !== undefined && denied !== print(ruleOf(coordinate));
  return [
    ...(isOther ? [true] : []),
    ...(isOther && coordinate.startsWith('Mutation.') ? [] : [false]),
    ...(isUnknown ? ['NOT_FOUND'] : []),
  ];
}

/** Whether the rule needs the row: a filter's may be about the viewer alone, whatever it would find. */
function asksOfRow({ coordinate }: Observation) {
  return conditionsOf(ruleOf(coordinate)).some((condition) => needsRow(policy, condition));
}

/** By the id of a row, which its type's rule alone guards. */
function isHidden({ coordinate, verdict }: Observation) {
  return /\.(id|cursor)$/.test(coordinate) && verdict === '∅';
}

function keyOf({ persona, about }: Observation) {
  return `${persona} ${about?.type} ${about?.kind}`;
}

/** The answers for all of these, ten to an operation. */
async function explainAll(
  all: readonly Observation[],
  callerOf: (one: Observation) => ReturnType<typeof matrix.caller>,
  asOther?: true,
): Promise<Observation[]> {
  const groups = [...Map.groupBy(all, ({ persona, subject }) => `${persona} ${subject}`).values()];
  const chunks = groups.flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / mostRoots) }, (_, at) => group.slice(at * mostRoots, (at + 1) * mostRoots)),
  );
  return (
    await inTurn(chunks, async (chunk) => {
      const [first] = chunk as [Observation];
      const who = asOther ? matrix.caller(first.persona as Persona, first.subject as Kind) : undefined;
      const document = `{ ${chunk.map((one, at) => fieldOf(one, at, who?.id)).join(' ')} }`;
      const caller = callerOf(first);
      const answer = await (caller ? caller.query(document) : matrix.query(document));
      if (!answer.data && chunk.length > 1)
        return explainAll(chunk.slice(0, 1), callerOf, asOther).then(async (one) => [
          ...one,
          ...(await explainAll(chunk.slice(1), callerOf, asOther)),
        ]);
      return chunk.map((one, at) => ({ ...one, explained: outcomeOf(answer, `c${at}`) }));
    })
  ).flat();
}

function fieldOf({ coordinate, about }: Observation, at: number, as: string | undefined) {
  const isAbout = about && (access.models.has(coordinate) || /Input\./.test(coordinate));
  const args = [`coordinate: "${coordinate}"`, ...(isAbout ? [`nodeId: "${about.id}"`] : []), ...(as ? [`as: "${as}"`] : [])];
  return `c${at}: explainAccess(${args.join(', ')}) { allowed }`;
}

function outcomeOf({ data, errors }: { data: Data; errors: Data }, name: string): boolean | string | undefined {
  const error = errors?.find(({ path }: Data) => path === undefined || path[0] === name);
  return error ? error.extensions.code : data?.[name]?.allowed;
}

const told = ({ coordinate, subject, persona, verdict, explained }: Observation) =>
  `${coordinate} of ${subject || 'anybody'}, ${persona}: executed ${verdict}, explained ${explained}`;

/** The records of revocations under the ids that they have in the database: they are no nodes of the API. */
async function withNodes(heard: Observation[]): Promise<Observation[]> {
  const rows = await matrix.db.prisma.tokenRevocation.findMany({ select: { id: true, tokenId: true } });
  const nodes = new Map(rows.map(({ id, tokenId }) => [tokenId, encodeGlobalID('TokenRevocation', id)]));
  return heard.map((one) => {
    const id = one.about && nodes.get(decodeGlobalID(one.about.id).id);
    return one.about && id ? { ...one, about: { ...one.about, type: 'TokenRevocation', id } } : one;
  });
}
