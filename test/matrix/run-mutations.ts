import { getNamedType, isObjectType } from 'graphql';
import { schema } from '../../src/schema/schema.ts';
import { access } from '../authorization/access.ts';
import type { QueryResult } from '../test-server.ts';
import { predictField, predictMutation, type Verdict } from './expected-verdicts.ts';
import { mutationUses } from './mutation-uses.ts';
import { type Persona, personas, type Row, type Subject, subjects } from './personas.ts';
import type { Explain, Observation } from './read-rows.ts';
import { everyField, fieldsOf, verdictAt } from './schema-fields.ts';
import { type Data, forEachPersona, type Matrix, sequentially } from './seed.ts';
import type { MutationUse, PreparedUse } from './use.ts';

/** Executes every use of every mutation, as every persona, on every subject; each time with a fresh target. */
export async function runMutations(matrix: Matrix, explain?: Explain): Promise<Observation[]> {
  const observed: Observation[] = [];
  for (const use of mutationUses) {
    const asked = use.onUsers ? subjects : (['user'] as const);
    const forEach = use.oneByOne ? <T>(work: (persona: Persona) => Promise<T>) => sequentially(personas, work) : forEachPersona;
    const cells = await sequentially(asked, (subject: Subject) => forEach((persona) => run(matrix, use, persona, subject, explain)));
    const outcomes = cells.flat().map(({ outcome }) => outcome);
    observed.push(...outcomes);
    const { inputField } = use;
    if (inputField)
      observed.push(...cells.flat().map(({ outcome, ofInputField }) => ({ ...outcome, coordinate: inputField, explained: ofInputField })));
    if (isFirst(use)) observed.push(...(cells[0] ?? []).flatMap(({ payload }) => payload));
  }
  return observed;
}

const isFirst = (use: MutationUse) => mutationUses.find(({ mutation }) => mutation === use.mutation) === use;

async function run(matrix: Matrix, use: MutationUse, persona: Persona, subject: Subject, explain?: Explain) {
  const prepared = await use.prepare({ matrix, persona, subject });
  const coordinate = `Mutation.${use.mutation}`;
  const caller = 'caller' in prepared ? prepared.caller : matrix.caller(persona, subject);
  const about = aboutOf(prepared) ?? (access.models.has(coordinate) && caller ? { type: 'User', kind: subject, id: caller.id } : undefined);
  const explained = await explain?.({ coordinate, persona, subject, about }, caller);
  const ofInputField = use.inputField ? await explain?.({ coordinate: use.inputField, persona, subject, about }, caller) : undefined;
  const { document, payload } = shapeOf(use.mutation);
  const variables = { input: prepared.input };
  const answer: QueryResult<Data> = await (caller?.query(document, variables) ?? matrix.query(document, variables));
  await prepared.undo?.();
  const verdict = verdictAt(answer, [use.mutation]);
  const predicted = predict(use, persona, subject, prepared);
  const label = [use.label, use.onUsers ? `${use.label && 'to '}${subject}` : ''].filter(Boolean).join(' ');
  const outcome = { coordinate, subject: label, persona, verdict, predicted, answer, needs: use.needs, about, explained };
  return { outcome, ofInputField, payload: fieldsOfPayload(payload, outcome, use.mutation, prepared) };
}

/** The row that the input names. */
function aboutOf({ input, row }: PreparedUse): Observation['about'] {
  const { id, userId } = (input ?? {}) as { id?: string; userId?: string };
  const named = id ?? userId;
  return row && named ? { ...row, id: named } : undefined;
}

function predict(use: MutationUse, persona: Persona, subject: Subject, { row }: PreparedUse): Verdict {
  const verdict = predictMutation(`Mutation.${use.mutation}`, persona, row, use.needs);
  if (verdict !== '✔') return verdict;
  if (use.notFresh) return '↻';
  return use.notOnOneself && persona === 'self' && subject ? '!' : verdict;
}

/** The verdicts on the fields of the payload. */
function fieldsOfPayload(payload: string, outcome: Observation, mutation: string, { row, shows }: PreparedUse): Observation[] {
  const about: Row | undefined = row && { ...row, id: '', ...(shows && { shows }) };
  return fieldsOf(payload).map(({ name }) => ({
    ...outcome,
    explained: undefined,
    coordinate: `${payload}.${name}`,
    verdict: outcome.verdict === '✔' && outcome.answer ? verdictAt(outcome.answer, [mutation, name]) : undefined,
    predicted: outcome.predicted === '✔' ? predictField(payload, name, outcome.persona, about) : undefined,
  }));
}

/** The document of a mutation and its payload type; of a union, the first type. */
function shapeOf(mutation: string): { document: string; payload: string } {
  const field = schema.getMutationType()?.getFields()[mutation];
  if (!field) throw new Error(`There is no mutation ${mutation}`);
  const type = getNamedType(field.type);
  const payload = isObjectType(type) ? type.name : schema.getPossibleTypes(type as never)[0]?.name;
  const [input] = field.args;
  const [declared, given] = input ? [`($input: ${input.type}) `, '(input: $input)'] : ['', ''];
  return { document: `mutation ${declared}{ ${mutation}${given} { ${everyField(type.name)} } }`, payload: payload ?? '' };
}
