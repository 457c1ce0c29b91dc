import { getNamedType, isObjectType } from 'graphql';
import { schema } from '../../src/schema.ts';
import type { Answer } from '../world.ts';
import { type Arranged, type Use, uses } from './matrix-mutations.ts';
import type { Observation } from './matrix-rows.ts';
import { everyField, fieldsOf, verdictAt } from './matrix-samples.ts';
import { ofField, ofMutation, type Persona, type Row, type Subject, subjects, type Verdict } from './matrix-truth.ts';
import { type Data, type Furnished, forEach, inTurn } from './matrix-world.ts';

/** Every use of every mutation, by every persona, on every subject; each time with a fresh target. */
export async function runMutations(matrix: Furnished): Promise<Observation[]> {
  const observed: Observation[] = [];
  for (const use of uses) {
    const asked = use.onUsers ? subjects : (['user'] as const);
    const cells = await inTurn(asked, (subject: Subject) => forEach((persona) => run(matrix, use, persona, subject)));
    observed.push(...cells.flat().map(({ outcome }) => outcome));
    if (isFirst(use)) observed.push(...(cells[0] ?? []).flatMap(({ payload }) => payload));
  }
  return observed;
}

const isFirst = (use: Use) => uses.find(({ mutation }) => mutation === use.mutation) === use;

async function run(matrix: Furnished, use: Use, persona: Persona, subject: Subject) {
  const arranged = await use.arrange({ matrix, persona, subject });
  const caller = 'caller' in arranged ? arranged.caller : matrix.caller(persona, subject);
  const { document, payload } = shapeOf(use.mutation);
  const variables = { input: arranged.input };
  const answer: Answer<Data> = await (caller?.ask(document, variables) ?? matrix.send(document, variables));
  const verdict = verdictAt(answer, [use.mutation]);
  const predicted = predict(use, persona, subject, arranged);
  const about = [use.as, use.onUsers ? `${use.as && 'to '}${subject}` : ''].filter(Boolean).join(' ');
  const outcome = { coordinate: `Mutation.${use.mutation}`, subject: about, persona, verdict, predicted, answer, needs: use.needs };
  return { outcome, payload: fieldsOfPayload(payload, outcome, use.mutation, arranged) };
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
