import { getNamedType, isObjectType } from 'graphql';
import { schema } from '../../src/schema/schema.ts';
import type { QueryResult } from '../test-server.ts';
import { access } from './access.ts';
import { uses } from './matrix-mutations.ts';
import type { Explain, Observation } from './matrix-rows.ts';
import { everyField, fieldsOf, verdictAt } from './matrix-samples.ts';
import { ofField, ofMutation, type Persona, type Row, type Subject, subjects, type Verdict } from './matrix-truth.ts';
import type { Arranged, Use } from './matrix-uses.ts';
import { type Data, forEach, inTurn, type SeededMatrix } from './matrix-world.ts';

/** Every use of every mutation, by every persona, on every subject; each time with a fresh target. */
export async function runMutations(matrix: SeededMatrix, explain?: Explain): Promise<Observation[]> {
  const observed: Observation[] = [];
  for (const use of uses) {
    const asked = use.onUsers ? subjects : (['user'] as const);
    const cells = await inTurn(asked, (subject: Subject) => forEach((persona) => run(matrix, use, persona, subject, explain)));
    const outcomes = cells.flat().map(({ outcome }) => outcome);
    observed.push(...outcomes);
    const { place } = use;
    if (place) observed.push(...cells.flat().map(({ outcome, ofPlace }) => ({ ...outcome, coordinate: place, explained: ofPlace })));
    if (isFirst(use)) observed.push(...(cells[0] ?? []).flatMap(({ payload }) => payload));
  }
  return observed;
}

const isFirst = (use: Use) => uses.find(({ mutation }) => mutation === use.mutation) === use;

async function run(matrix: SeededMatrix, use: Use, persona: Persona, subject: Subject, explain?: Explain) {
  const arranged = await use.arrange({ matrix, persona, subject });
  const coordinate = `Mutation.${use.mutation}`;
  const caller = 'caller' in arranged ? arranged.caller : matrix.caller(persona, subject);
  const about = aboutOf(arranged) ?? (access.models.has(coordinate) && caller ? { type: 'User', kind: subject, id: caller.id } : undefined);
  const explained = await explain?.({ coordinate, persona, subject, about }, caller);
  const ofPlace = use.place ? await explain?.({ coordinate: use.place, persona, subject, about }, caller) : undefined;
  const { document, payload } = shapeOf(use.mutation);
  const variables = { input: arranged.input };
  const answer: QueryResult<Data> = await (caller?.query(document, variables) ?? matrix.query(document, variables));
  const verdict = verdictAt(answer, [use.mutation]);
  const predicted = predict(use, persona, subject, arranged);
  const how = [use.as, use.onUsers ? `${use.as && 'to '}${subject}` : ''].filter(Boolean).join(' ');
  const outcome = { coordinate, subject: how, persona, verdict, predicted, answer, needs: use.needs, about, explained };
  return { outcome, ofPlace, payload: fieldsOfPayload(payload, outcome, use.mutation, arranged) };
}

/** The row that a mutation is about, by what its input names. */
function aboutOf({ input, row }: Arranged): Observation['about'] {
  const { id, userId } = (input ?? {}) as { id?: string; userId?: string };
  const named = id ?? userId;
  return row && named ? { ...row, id: named } : undefined;
}

function predict(use: Use, persona: Persona, subject: Subject, { row }: Arranged): Verdict {
  const verdict = ofMutation(`Mutation.${use.mutation}`, persona, row, use.needs);
  if (verdict !== '✔') return verdict;
  if (use.provedLongAgo) return '↻';
  return use.neverOneself && persona === 'self' && subject ? '!' : verdict;
}

/** What the fields of the payload show, where the persona gets one. */
function fieldsOfPayload(payload: string, outcome: Observation, mutation: string, { row, shows }: Arranged): Observation[] {
  const about: Row | undefined = row && { ...row, id: '', ...(shows && { shows }) };
  return fieldsOf(payload).map(({ name }) => ({
    ...outcome,
    explained: undefined,
    coordinate: `${payload}.${name}`,
    verdict: outcome.verdict === '✔' && outcome.answer ? verdictAt(outcome.answer, [mutation, name]) : undefined,
    predicted: outcome.predicted === '✔' ? ofField(payload, name, outcome.persona, about) : undefined,
  }));
}

/** The document of a mutation, and the object that it answers; of a union, its first. */
function shapeOf(mutation: string): { document: string; payload: string } {
  const field = schema.getMutationType()?.getFields()[mutation];
  if (!field) throw new Error(`There is no mutation ${mutation}`);
  const type = getNamedType(field.type);
  const payload = isObjectType(type) ? type.name : schema.getPossibleTypes(type as never)[0]?.name;
  const [input] = field.args;
  const [declared, given] = input ? [`($input: ${input.type}) `, '(input: $input)'] : ['', ''];
  return { document: `mutation ${declared}{ ${mutation}${given} { ${everyField(type.name)} } }`, payload: payload ?? '' };
}
