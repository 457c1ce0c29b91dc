import { needsRow } from '../../src/authorization/evaluate/conditions.ts';
import { conditionsOf, print } from '../../src/authorization/rules/rule.ts';
import { policy } from '../../src/policy/policy.ts';
import { access, ruleOf } from '../authorization/access.ts';
import type { TestUser } from '../test-server.ts';
import type { Persona, RowKind } from './personas.ts';
import type { Observation } from './read-rows.ts';
import { type Data, type Matrix, sequentially } from './seed.ts';

/** What `explainAccess` answers: `allowed`, or the code of its error. */
export type Explanation = boolean | string | undefined;

const maxRootFields = 10; // per operation, src/graphql/execution/query-limits.ts

/** The caller of an explanation if it is not the usual session of the persona; `isOther`: another user who asks about the persona. */
interface Requester {
  readonly caller: TestUser | undefined;
  readonly isOther?: true;
}

/** The explanation of every observation. */
export async function explainAll(matrix: Matrix, observations: readonly Observation[], requester?: Requester): Promise<Observation[]> {
  const groups = [...Map.groupBy(observations, ({ persona, subject }) => `${persona} ${subject}`).values()];
  const chunks = groups.flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / maxRootFields) }, (_, at) => group.slice(at * maxRootFields, (at + 1) * maxRootFields)),
  );
  const explained = await sequentially(chunks, (chunk) => explainChunk(matrix, chunk, requester));
  return explained.flat();
}

async function explainChunk(matrix: Matrix, chunk: readonly Observation[], requester?: Requester): Promise<Observation[]> {
  const [first, ...rest] = chunk;
  if (!first) return [];
  const persona = matrix.caller(first.persona as Persona, first.subject as RowKind);
  const document = `{ ${chunk.map((one, at) => explainField(one, at, requester?.isOther && persona?.id)).join(' ')} }`;
  const caller = requester ? requester.caller : persona;
  const answer = await (caller ? caller.query(document) : matrix.query(document));
  // A document that is rejected as a whole is divided, to find the field that is.
  if (!answer.data && rest.length > 0)
    return [...(await explainChunk(matrix, [first], requester)), ...(await explainChunk(matrix, rest, requester))];
  return chunk.map((one, at) => ({ ...one, explained: explanationIn(answer, `c${at}`) }));
}

function explainField({ coordinate, about }: Observation, at: number, as: string | undefined): string {
  const isAboutRow = about && (access.models.has(coordinate) || /Input\./.test(coordinate));
  const args = [`coordinate: "${coordinate}"`, ...(isAboutRow ? [`nodeId: "${about.id}"`] : []), ...(as ? [`as: "${as}"`] : [])];
  return `c${at}: explainAccess(${args.join(', ')}) { allowed }`;
}

function explanationIn({ data, errors }: { data: Data; errors: Data }, name: string): Explanation {
  const error = errors?.find(({ path }: Data) => path === undefined || path[0] === name);
  return error ? error.extensions.code : data?.[name]?.allowed;
}

/** The rows that a persona cannot see, by what it has read of their ids. */
export function hiddenRowsIn(observations: readonly Observation[]): ReadonlySet<string> {
  return new Set(observations.filter(({ coordinate, verdict }) => /\.(id|cursor)$/.test(coordinate) && verdict === '∅').map(rowKey));
}

function rowKey({ persona, about }: Observation): string {
  return `${persona} ${about?.type} ${about?.kind}`;
}

/** The explanations that agree with what was executed. */
export function acceptedExplanations(one: Observation, hidden: ReadonlySet<string>): Explanation[] {
  const { verdict, coordinate, answer } = one;
  if (verdict === '✔' || verdict === '!') return [true];
  const isHidden = hidden.has(rowKey(one)) && (access.models.has(coordinate) || /Input\./.test(coordinate));
  const isMutation = coordinate.startsWith('Mutation.');
  if (verdict === '∅') return [isHidden || isMutation ? 'NOT_FOUND' : true];
  // The input of a mutation may require more than the mutation; the denial says which rule failed.
  const failed = answer?.errors?.find(({ extensions }) => extensions.rule)?.extensions.rule;
  const isOtherRule = /^(Mutation|\w+Input)\./.test(coordinate) && failed !== undefined && failed !== print(ruleOf(coordinate));
  return [...(isOtherRule ? [true] : []), ...(isOtherRule && isMutation ? [] : [false]), ...(isHidden ? ['NOT_FOUND'] : [])];
}

/** The same for a superadmin who asks about the persona: the row exists, so the explanation says whether the rule needs it. */
export function acceptedFromSuperadmin(one: Observation, hidden: ReadonlySet<string>): Explanation[] {
  if (one.about?.type === 'FieldRead') return ['NOT_FOUND']; // superadmins cannot see them
  return acceptedExplanations(one, hidden).map((explanation) => (explanation === 'NOT_FOUND' ? !dependsOnRow(one) : explanation));
}

/** False if the rule is about the viewer alone, as that of a filter may be. The personas use sessions, which `reached` does not limit. */
function dependsOnRow({ coordinate }: Observation): boolean {
  return conditionsOf(ruleOf(coordinate)).some((condition) => condition.is !== 'reached' && needsRow(policy, condition));
}
