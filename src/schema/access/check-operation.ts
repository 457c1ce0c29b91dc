import { type DocumentNode, GraphQLError, type GraphQLSchema, getOperationAST, getVariableValues, validate } from 'graphql';
import { collectCoordinates, type GuardedCoordinate } from '../../authorization/evaluate/coordinates.ts';
import { contextFor, decide } from '../../authorization/evaluate/decisions.ts';
import { explainableRow } from '../../authorization/explain/explainable-row.ts';
import { evaluateAgainstRow, evaluateHypothetically } from '../../authorization/explain/reasons.ts';
import { combine, findRemedies } from '../../authorization/explain/remedies.ts';
import type { Row, RowSubject } from '../../authorization/rules/policy.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import { all, any, type Rule } from '../../authorization/rules/rule.ts';
import { codeOf, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { parseWithLimits } from '../../graphql/execution/parse-document.ts';
import { checkLimits } from '../../graphql/execution/query-limits.ts';
import { isPlatformAdmin, type Viewer } from '../../identity/viewer.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, anyone, self } from '../../policy/conditions.ts';
import { hypotheticalViewer, resolveSubject } from '../../policy/impersonation.ts';
import type { Model, PolicyTypes } from '../../policy/models.ts';
import { evaluateInMemory } from '../../policy/policy.ts';
import { remedySteps } from '../../policy/remedy-steps.ts';
import { OperationCheck, type OperationCheckResult } from './operation-check.ts';

builder.queryField('checkOperation', (t) =>
  t.field({
    type: OperationCheck,
    nullable: false,
    description: 'What would be denied of an operation, all of it in one answer, without running it.',
    access: anyone('it tells nobody more than running the operation would'),
    extensions: { complexity: 2_500 }, // one in an operation: it validates a document and asks about its rows
    args: {
      document: t.arg.string({ required: true, description: 'The operation, with its fragments.' }),
      variables: t.arg({ type: 'JSON', description: 'The values of its variables.' }),
      operationName: t.arg.string({
        validate: singleLineText(120),
        description: 'Which operation of the document is meant, where it has several.',
      }),
      as: t.arg.globalID({
        target: 'User',
        access: any(self, admin),
        description: 'Who would run it; the viewer unless said, another user for a platform administrator.',
      }),
    },
    resolve: async (_, { document, variables, operationName, as }, context, { schema }) => {
      const asker = await resolveSubject(context, as);
      return check(context, asker, placesOf(schema, document, variables ?? {}, operationName, asker));
    },
  }),
);

/** The places of the document that rules guard. Throws INVALID_INPUT for a document that would not run. */
function placesOf(schema: GraphQLSchema, text: string, given: unknown, operationName: string | null | undefined, asker: Viewer | null) {
  const document = parsed(text);
  const variables = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {};
  within(() => {
    const excess = checkLimits({ schema, document, operationName, variableValues: variables });
    if (excess) throw excess;
  });
  const [fault] = validate(schema, document, undefined, { maxErrors: 1 });
  if (fault) throw validationError({ document: [fault.message.replace(/ Did you mean .*$/s, '')] });
  const operation = getOperationAST(document, operationName);
  if (!operation) throw validationError({ operationName: ['the document has no such operation'] });
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  if (!coerced) throw validationError({ variables: ['do not fit the document'] });
  return within(() => collectCoordinates<PolicyTypes>({ schema, document, variables: coerced, viewer: asker }, operation));
}

/** What the operation itself would be refused for, as a fault of the input: of its size, or of values that do not fit. */
function within<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (codeOf(error) === 'QUERY_TOO_COMPLEX') throw validationError({ document: ['asks for too much'] });
    throw error instanceof GraphQLError ? validationError({ variables: ['do not fit the document'] }) : error;
  }
}

function parsed(text: string): DocumentNode {
  try {
    return parseWithLimits(text);
  } catch (error) {
    throw validationError({ document: [codeOf(error) === 'QUERY_TOO_COMPLEX' ? 'too long' : 'not valid GraphQL'] });
  }
}

interface Judged extends GuardedCoordinate<Model> {
  readonly subject: RowSubject<Model> | undefined;
  readonly met: boolean | undefined;
  /** What has to be met for it, where that is more than the rule that denies it. */
  readonly needs?: Rule;
}

async function check(context: Context, asker: Viewer | null, places: readonly GuardedCoordinate<Model>[]): Promise<OperationCheckResult> {
  const asking = contextFor(context, asker); // each rule is asked once for all rows, as in any operation
  const judged = await Promise.all(places.map((place) => judge(context, asking, place)));
  const denied = judged.filter(({ met }) => met === false);
  const undecided = judged.filter(({ met }) => met === undefined);
  return { denied, undecided, wouldSatisfy: await smallest(context, asker, denied) };
}

/** One place as it would be decided; an object that the caller may not know of is denied by the rule of its type, as one that is not there. */
async function judge(context: Context, asking: Context, place: GuardedCoordinate<Model>): Promise<Judged> {
  const { model, id, rule, coordinate } = place;
  const row = model && id !== undefined ? await rowAt(context, asking.viewer, coordinate, model, id) : undefined;
  if (model && row === null)
    return {
      ...place,
      coordinate: model,
      rule: ruleOf(context, model),
      needs: all(ruleOf(context, model), rule),
      subject: undefined,
      met: false,
    };
  const subject = model && { model, ...(row && { row }) };
  return { ...place, subject, met: row ? await decide(asking, rule, model, row) : evaluateInMemory(rule, asking.viewer, subject) };
}

/** The row if the caller may know of it; whoever asks knows their own. */
const rowAt = (context: Context, asker: Viewer | null, coordinate: string, model: Model, id: string): Promise<Row | null> | Row | null =>
  model === 'User' && id === asker?.user.id ? asker.user : explainableRow(context, coordinate, model, id);

const mostTried = 10; // of denied places against their rows: each is a few statements

/** The least that would allow all that is denied. Only a platform administrator's answer looks at the rows. */
async function smallest(context: Context, asker: Viewer | null, denied: readonly Judged[]): Promise<string[] | null> {
  const [first, ...others] = denied.map(({ rule, needs = rule }) => needs);
  if (!first) return [];
  const base = asker ?? hypotheticalViewer;
  const isFull = isPlatformAdmin(context.viewer) && denied.length <= mostTried;
  const steps = remedySteps(all(first, ...others));
  const ways = await Promise.all(
    denied.map(({ rule, needs = rule, subject }) =>
      findRemedies(
        needs,
        base,
        steps,
        isFull ? evaluateAgainstRow(context, subject) : evaluateHypothetically(context.access.policy, base, subject),
      ),
    ),
  );
  const [least] = combine(ways);
  if (!least) return null;
  return [...(asker ? [] : ['sign in']), ...least.map(({ label }) => label)].sort();
}
