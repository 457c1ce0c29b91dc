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
import { requireRuleDisclosure } from './rule-disclosure.ts';

builder.queryField('checkOperation', (t) =>
  t.field({
    type: OperationCheck,
    nullable: false,
    description:
      'Checks an operation against all access rules without running it. Requires a signed-in caller if introspection is disabled.',
    access: anyone('it discloses no more than running the operation would'),
    extensions: { complexity: 2_500 }, // allows one per operation: it validates a document and checks its rows
    args: {
      document: t.arg.string({ required: true, description: 'The operation with its fragments.' }),
      variables: t.arg({ type: 'JSON', description: 'The variables of the operation.' }),
      operationName: t.arg.string({
        validate: singleLineText(120),
        description: 'Name of the operation, if the document contains several.',
      }),
      as: t.arg.globalID({
        target: 'User',
        access: any(self, admin),
        description: 'ID of the user who would run it. Defaults to the viewer; platform administrators may name another user.',
      }),
    },
    resolve: async (_, { document, variables, operationName, as }, context, { schema }) => {
      requireRuleDisclosure(context);
      const subject = await resolveSubject(context, as);
      return check(context, subject, guardedCoordinates(schema, { document, variables: variables ?? {}, operationName }, subject));
    },
  }),
);

interface Request {
  readonly document: string;
  readonly variables: unknown;
  readonly operationName: string | null | undefined;
}

/** The elements of the document that rules guard. Throws INVALID_INPUT for a document that could not run. */
function guardedCoordinates(schema: GraphQLSchema, { operationName, ...request }: Request, viewer: Viewer | null) {
  const document = parse(request.document);
  const variables = typeof request.variables === 'object' && request.variables !== null ? { ...request.variables } : {};
  withInputErrors(() => {
    const limitError = checkLimits({ schema, document, operationName, variableValues: variables });
    if (limitError) throw limitError;
  });
  const [error] = validate(schema, document, undefined, { maxErrors: 1 });
  // Suggestions would name elements that introspection may hide.
  if (error) throw validationError({ document: [error.message.replace(/ Did you mean .*$/s, '')] });
  const operation = getOperationAST(document, operationName);
  if (!operation) throw validationError({ operationName: ['must name an operation of the document'] });
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  if (!coerced) throw validationError({ variables: ['must match the variables of the document'] });
  return withInputErrors(() => collectCoordinates<PolicyTypes>({ schema, document, variables: coerced, viewer }, operation));
}

/** Reports the errors that the operation itself would cause as errors of the input. */
function withInputErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (codeOf(error) === 'QUERY_TOO_COMPLEX') throw validationError({ document: ['must not exceed the query limits'] });
    throw error instanceof GraphQLError ? validationError({ variables: ['must match the variables of the document'] }) : error;
  }
}

function parse(text: string): DocumentNode {
  try {
    return parseWithLimits(text);
  } catch (error) {
    const isTooLong = codeOf(error) === 'QUERY_TOO_COMPLEX';
    throw validationError({ document: [isTooLong ? 'must not exceed the document limits' : 'must be a valid GraphQL document'] });
  }
}

interface CheckedCoordinate extends GuardedCoordinate<Model> {
  readonly subject: RowSubject<Model> | undefined;
  readonly decision: boolean | undefined;
  /** The rule that would have to be met, if that is more than the rule that denies. */
  readonly needs?: Rule;
}

async function check(
  context: Context,
  subject: Viewer | null,
  coordinates: readonly GuardedCoordinate<Model>[],
): Promise<OperationCheckResult> {
  const subjectContext = contextFor(context, subject); // batches each rule over all rows, as an operation does
  const checked = await Promise.all(coordinates.map((one) => checkCoordinate(context, subjectContext, one)));
  const denied = checked.filter(({ decision }) => decision === false);
  const undecided = checked.filter(({ decision }) => decision === undefined);
  return { denied, undecided, wouldSatisfy: await findSmallestRemedy(context, subject, denied) };
}

/** An object that the caller cannot see is denied by the rule of its type, like an object that does not exist. */
async function checkCoordinate(context: Context, subjectContext: Context, guarded: GuardedCoordinate<Model>): Promise<CheckedCoordinate> {
  const { model, id, rule, coordinate } = guarded;
  const { viewer } = subjectContext;
  const row = model && id !== undefined ? await loadRow(context, viewer, coordinate, model, id) : undefined;
  if (model && row === null) {
    const typeRule = ruleOf(context, model);
    return { ...guarded, coordinate: model, rule: typeRule, needs: all(typeRule, rule), subject: undefined, decision: false };
  }
  const subject = model && { model, ...(row && { row }) };
  const decision = row ? await decide(subjectContext, rule, model, row) : evaluateInMemory(rule, viewer, subject);
  return { ...guarded, subject, decision };
}

/** The row if the caller can see it. The subject's own row is always available. */
const loadRow = (
  context: Context,
  subject: Viewer | null,
  coordinate: string,
  model: Model,
  id: string,
): Promise<Row | null> | Row | null =>
  model === 'User' && id === subject?.user.id ? subject.user : explainableRow(context, coordinate, model, id);

const maxEvaluatedDenials = 10; // with their rows: each takes a few statements

/** The smallest set of changes that would allow everything that is denied. Rows are evaluated for platform administrators only. */
async function findSmallestRemedy(
  context: Context,
  subject: Viewer | null,
  denied: readonly CheckedCoordinate[],
): Promise<string[] | null> {
  const [first, ...others] = denied.map(({ rule, needs = rule }) => needs);
  if (!first) return [];
  const viewer = subject ?? hypotheticalViewer;
  const usesRows = isPlatformAdmin(context.viewer) && denied.length <= maxEvaluatedDenials;
  const steps = remedySteps(all(first, ...others), viewer);
  const evaluatorOf = (row: RowSubject<Model> | undefined) =>
    usesRows ? evaluateAgainstRow(context, row) : evaluateHypothetically(context.access.policy, viewer, row);
  const remedies = await Promise.all(
    denied.map(({ rule, needs = rule, subject: row }) => findRemedies(needs, viewer, steps, evaluatorOf(row))),
  );
  const [smallest] = combine(remedies);
  if (!smallest) return null;
  return [...(subject ? [] : ['log in']), ...smallest.map(({ label }) => label)].sort();
}
