import { encodeGlobalID } from '@pothos/plugin-relay';
import { accessDenied, contextFor, decide, whereVisible } from '../../authorization/evaluate/decisions.ts';
import { explainableRow } from '../../authorization/explain/explainable-row.ts';
import {
  type ConditionEvaluator,
  evaluateAgainstRow,
  evaluateHypothetically,
  explainRule,
  memoizeEvaluator,
  outline,
  rightsIn,
} from '../../authorization/explain/reasons.ts';
import { findRemedies, formatRemedy } from '../../authorization/explain/remedies.ts';
import type { Row, RowSubject } from '../../authorization/rules/policy.ts';
import { any, type Condition, type Rule } from '../../authorization/rules/rule.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { isPlatformAdmin, type Viewer } from '../../identity/viewer.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, anyone, domainAdmin, self } from '../../policy/conditions.ts';
import { grantRights, visibleGrants, withOnlyGrants } from '../../policy/grant-rights.ts';
import { hypotheticalViewer, resolveSubject } from '../../policy/impersonation.ts';
import type { Model } from '../../policy/models.ts';
import { ownership } from '../../policy/ownership.ts';
import { evaluateInMemory } from '../../policy/policy.ts';
import { remedySteps } from '../../policy/remedy-steps.ts';
import { AccessExplanation, type Explanation, type ExplanationDetails } from './access-explanation.ts';
import { requireRuleDisclosure } from './rule-disclosure.ts';

const maxDomains = 10; // suggested for a user: more would only repeat the same remedy

builder.queryField('explainAccess', (t) =>
  t.field({
    type: AccessExplanation,
    nullable: false,
    description:
      'Explains why access to a schema element is allowed or denied, and which changes would allow it. Requires a signed-in caller if introspection is disabled.',
    access: anyone('it discloses no more than accessing the element would'),
    extensions: { complexity: 100 },
    args: {
      coordinate: t.arg.string({
        required: true,
        validate: singleLineText(200),
        description:
          'Coordinate of the element, such as `User.email`, `Mutation.disableUser`, `UserFilter.search` or `Query.explainAccess(as:)`; `accessRules` lists them all.',
      }),
      nodeId: t.arg.globalID({ description: 'ID of the object. Required if the decision depends on it.' }),
      as: t.arg.globalID({
        target: 'User',
        access: any(self, domainAdmin, admin),
        description:
          'ID of the user whose access is explained. Defaults to the viewer; administrators may name users that they administer.',
      }),
    },
    resolve: (_, { coordinate, nodeId, as }, context) => explain(context, coordinate, nodeId, as),
  }),
);

type GlobalId = { readonly typename: string; readonly id: string } | null | undefined;

async function explain(context: Context, coordinate: string, nodeId: GlobalId, as: GlobalId): Promise<Explanation> {
  requireRuleDisclosure(context);
  const rule = context.access.rules.get(coordinate);
  if (!rule) throw validationError({ coordinate: ['must be an existing coordinate'] });
  const row = await rowSubjectOf(context, coordinate, nodeId);
  const level = await detailLevelOf(context, as, row);
  const viewer = await knownSubject(context, as, level);
  if (!row?.row && evaluateInMemory(rule, viewer, row) === undefined)
    throw validationError({ nodeId: [`must be the ID of a ${row?.model}, because the rule depends on it`] });
  const allowed = (await decide(contextFor(context, viewer), rule, row?.model, row?.row)) === true;
  let details: Promise<ExplanationDetails> | undefined;
  return {
    coordinate,
    rule,
    allowed,
    details: () => {
      details ??= explainAt[level](context, { rule, viewer, row });
      return details;
    },
  };
}

/** The row that the rule is about. Throws NOT_FOUND if the caller cannot see it. */
async function rowSubjectOf(context: Context, coordinate: string, nodeId: GlobalId): Promise<RowSubject<Model> | undefined> {
  const model = modelOf(context, coordinate);
  if (!nodeId) return model && { model };
  if (nodeId.typename !== model)
    throw validationError({ nodeId: [model ? `must be the ID of a ${model}` : 'must be omitted: the rule depends on no object'] });
  const row = await explainableRow(context, coordinate, model, nodeId.id);
  if (!row) throw graphqlError('NOT_FOUND');
  return { model, row };
}

/** The model whose rows the rule is about: that of the type, or the target of the mutation. */
function modelOf({ access }: Context, coordinate: string): Model | undefined {
  const { type = '' } = /^(?<type>\w+)Input\./.exec(coordinate)?.groups ?? {};
  const mutation = `Mutation.${type.charAt(0).toLowerCase()}${type.slice(1)}`;
  return (access.models.get(coordinate) ?? access.mutationTargets.get(mutation)?.model) as Model | undefined;
}

type DetailLevel = keyof typeof explainAt;

/**
 * How much the caller may see. Everything: about objects that they administer, and about themselves if no object is involved; platform
 * administrators about everyone. The outline of the rule: about themselves and other objects. Only the decision: domain administrators about a
 * member, based on the grants that they can see and for rows of their domains. Throws FORBIDDEN for all others.
 *
 * Decided before anything about the other user is read: not even the error may depend on what the caller cannot see.
 */
async function detailLevelOf(context: Context, as: GlobalId, row: RowSubject<Model> | undefined): Promise<DetailLevel> {
  if (isPlatformAdmin(context.viewer)) return 'everything';
  const belongsToDomain = row !== undefined && ownership[row.model].domain !== 'everywhere';
  const administers = belongsToDomain && row.row && (await decide(context, domainAdmin, row.model, row.row)) === true;
  if (!as || as.id === context.viewer?.user.id) return !row?.row || administers ? 'everything' : 'outline';
  if (!administers) throw accessDenied(context, 'Query.explainAccess(as:)');
  return 'decision';
}

/** The viewer whose access is explained. If the caller only gets the decision, the viewer has the grants that the caller can see, and no others. */
async function knownSubject(context: Context, as: GlobalId, level: DetailLevel): Promise<Viewer | null> {
  const viewer = await resolveSubject(context, as);
  if (level !== 'decision' || !viewer) return viewer;
  return (await withOnlyGrants(context, viewer))(await visibleGrants(context, viewer));
}

interface Question {
  readonly rule: Rule;
  readonly viewer: Viewer | null;
  readonly row: RowSubject<Model> | undefined;
}

const explainAt = {
  everything: async (context: Context, { rule, viewer, row }: Question): Promise<ExplanationDetails> => {
    const evaluate = memoizeEvaluator(evaluateAgainstRow(context, row));
    const rights = viewer ? await grantRights(context, viewer) : undefined;
    const tree = await explainRule(context.access.policy, rule, viewer, evaluate, rights);
    const grantIds = new Set(rightsIn(tree).map(({ grant }) => grant));
    const satisfiedBy = (viewer?.grants ?? []).filter(({ id }) => grantIds.has(encodeGlobalID('RoleGrant', id)));
    return { tree, satisfiedBy, wouldSatisfy: await remediesOf(rule, viewer, evaluate, await domainsOf(context, row)) };
  },
  outline: async ({ access: { policy } }: Context, { rule, viewer, row }: Question): Promise<ExplanationDetails> => {
    const wouldSatisfy = await remediesOf(rule, viewer, evaluateHypothetically(policy, viewer ?? hypotheticalViewer, row));
    // Discloses nothing about the row except whether it belongs to the viewer.
    const disclose = (condition: Condition) => evaluateInMemory(condition, viewer, condition.is === 'self' ? row : undefined) ?? null;
    return { tree: outline(policy, rule, disclose), satisfiedBy: null, wouldSatisfy };
  },
  decision: async ({ access: { policy } }: Context, { rule, row }: Question): Promise<ExplanationDetails> => ({
    tree: outline(policy, rule, () => null),
    satisfiedBy: null,
    wouldSatisfy: await remediesOf(rule, hypotheticalViewer, evaluateHypothetically(policy, hypotheticalViewer, row)),
  }),
};

async function remediesOf(
  rule: Rule,
  viewer: Viewer | null,
  evaluate: ConditionEvaluator,
  domains: readonly { id: string; name: string }[] = [],
): Promise<string[]> {
  const subject = viewer ?? hypotheticalViewer;
  const remedies = await findRemedies(rule, subject, remedySteps(rule, subject, domains), evaluate);
  if (viewer) return remedies.map(formatRemedy);
  return remedies.map((remedy) => ['log in', formatRemedy(remedy)].filter(Boolean).join(' and '));
}

/** The domains whose administrators have access to the row, if the caller can see them. */
async function domainsOf(context: Context, { model, row }: Partial<RowSubject<Model>> = {}) {
  const where = model && row && whereDomainOf(context, model, row);
  if (!where) return [];
  return context.db.prisma.domain.findMany({
    where: { AND: [where, whereVisible(context, 'Domain')] },
    select: { id: true, name: true },
    take: maxDomains,
    orderBy: { id: 'asc' },
  });
}

function whereDomainOf(context: Context, model: Model, row: Row): Prisma.DomainWhereInput | undefined {
  if (model === 'User') return { grants: { some: { AND: [{ userId: row.id }, whereVisible(context, 'RoleGrant')] } } };
  const { domainId } = ownership[model];
  return domainId && row[domainId] ? { id: String(row[domainId]) } : undefined;
}
