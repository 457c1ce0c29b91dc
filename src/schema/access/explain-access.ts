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
import type { RowSubject } from '../../authorization/rules/policy.ts';
import { any, type Condition, type Rule } from '../../authorization/rules/rule.ts';
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

builder.queryField('explainAccess', (t) =>
  t.field({
    type: AccessExplanation,
    nullable: false,
    description: 'Why somebody may do something, or may not: the rule of a place with the verdict of each part, and what would satisfy it.',
    access: anyone('it tells nobody more than asking for the thing itself would'),
    extensions: { complexity: 100 },
    args: {
      coordinate: t.arg.string({
        required: true,
        validate: singleLineText(200),
        description:
          'The place: `User.email`, `Mutation.disableUser`, `UserFilter.search`, `Query.explainAccess(as:)`; `accessRules` has them all.',
      }),
      nodeId: t.arg.globalID({ description: 'The object that it is about; needed where the answer depends on it.' }),
      as: t.arg.globalID({
        target: 'User',
        access: any(self, domainAdmin, admin),
        description: 'Who would do it; the viewer unless said, another user for whoever administers that user.',
      }),
    },
    resolve: (_, { coordinate, nodeId, as }, context) => explain(context, coordinate, nodeId, as),
  }),
);

type GlobalId = { readonly typename: string; readonly id: string } | null | undefined;

async function explain(context: Context, coordinate: string, nodeId: GlobalId, as: GlobalId): Promise<Explanation> {
  const rule = context.access.rules.get(coordinate);
  if (!rule) throw validationError({ coordinate: ['no such place'] });
  const asker = await resolveSubject(context, as);
  const subject = await subjectOf(context, coordinate, nodeId);
  if (!subject?.row && evaluateInMemory(rule, asker, subject) === undefined)
    throw validationError({ nodeId: [`the rule asks about an object: give the id of a ${subject?.model}`] });
  const level = await levelOf(context, asker, subject);
  const judged = level === 'verdict' && asker ? (await withOnlyGrants(context, asker))(await visibleGrants(context, asker)) : asker;
  const allowed = (await decide(contextFor(context, judged), rule, subject?.model, subject?.row)) === true;
  const telling = () => tellings[level](context, { rule, asker, subject });
  let told: Promise<ExplanationDetails> | undefined;
  return { coordinate, rule, allowed, details: () => (told ??= telling()) };
}

/** The row that the rule is asked about, as the caller may know of it. Throws NOT_FOUND for one that they may not. */
async function subjectOf(context: Context, coordinate: string, nodeId: GlobalId): Promise<RowSubject<Model> | undefined> {
  const model = modelAt(context, coordinate);
  if (!nodeId) return model && { model };
  if (nodeId.typename !== model) throw validationError({ nodeId: [model ? `the id of a ${model}` : 'the rule asks about no object'] });
  const row = await explainableRow(context, coordinate, model, nodeId.id);
  if (!row) throw graphqlError('NOT_FOUND');
  return { model, row };
}

/** The model whose rows the rule asks about: the type's, or what the mutation is about. */
function modelAt({ access }: Context, coordinate: string): Model | undefined {
  const [, mutation = ''] = /^(\w+)Input\./.exec(coordinate) ?? [];
  return (access.models.get(coordinate) ??
    access.mutationTargets.get(`Mutation.${mutation.charAt(0).toLowerCase()}${mutation.slice(1)}`)?.model) as Model | undefined;
}

/**
 * How much the caller is told: all about an object that they administer, or about themselves where there is none; of others only a platform
 * administrator is. A domain administrator who asks about a member is told whether the grants that they may know of are enough, and only of
 * rows of the own domains. Throws FORBIDDEN for others.
 */
async function levelOf(context: Context, asker: Viewer | null, subject: RowSubject<Model> | undefined): Promise<keyof typeof tellings> {
  const isOther = asker?.user.id !== context.viewer?.user.id;
  if (isPlatformAdmin(context.viewer)) return 'all';
  const isOfDomain = subject !== undefined && ownership[subject.model].domain !== 'everywhere';
  const administers = isOfDomain && subject.row && (await decide(context, domainAdmin, subject.model, subject.row)) === true;
  if (!isOther) return !subject?.row || administers ? 'all' : 'outline';
  if (!administers) throw accessDenied(context, 'Query.explainAccess(as:)');
  return 'verdict';
}

interface Asked {
  readonly rule: Rule;
  readonly asker: Viewer | null;
  readonly subject: RowSubject<Model> | undefined;
}

/** What is told at each level. */
const tellings = {
  all: async (context: Context, { rule, asker, subject }: Asked): Promise<ExplanationDetails> => {
    const judge = memoizeEvaluator(evaluateAgainstRow(context, subject));
    const rights = asker ? await grantRights(context, asker) : undefined;
    const tree = await explainRule(context.access.policy, rule, asker, judge, rights);
    const ids = new Set(rightsIn(tree).map(({ grant }) => grant));
    const satisfiedBy = (asker?.grants ?? []).filter(({ id }) => ids.has(encodeGlobalID('RoleGrant', id)));
    return { tree, satisfiedBy, wouldSatisfy: await waysOf(rule, asker, judge, await domainsOf(context, subject)) };
  },
  outline: async ({ access: { policy } }: Context, { rule, asker, subject }: Asked): Promise<ExplanationDetails> => {
    const wouldSatisfy = await waysOf(rule, asker, evaluateHypothetically(policy, asker ?? hypotheticalViewer, subject));
    // Discloses nothing about the row except whether it is the asker's own.
    const disclose = (condition: Condition) => evaluateInMemory(condition, asker, condition.is === 'self' ? subject : undefined) ?? null;
    return { tree: outline(policy, rule, disclose), satisfiedBy: null, wouldSatisfy };
  },
  verdict: async ({ access: { policy } }: Context, { rule, subject }: Asked): Promise<ExplanationDetails> => ({
    tree: outline(policy, rule, () => null),
    satisfiedBy: null,
    wouldSatisfy: await waysOf(rule, hypotheticalViewer, evaluateHypothetically(policy, hypotheticalViewer, subject)),
  }),
};

async function waysOf(rule: Rule, asker: Viewer | null, judge: ConditionEvaluator, domains: readonly { id: string; name: string }[] = []) {
  const ways = await findRemedies(rule, asker ?? hypotheticalViewer, remedySteps(rule, domains), judge);
  return asker ? ways.map(formatRemedy) : ways.map((way) => ['sign in', formatRemedy(way)].filter(Boolean).join(' and '));
}

/** The domains whose administration would reach the row, as far as the caller may know of them. */
async function domainsOf(context: Context, subject: RowSubject<Model> | undefined) {
  const { model, row } = subject ?? {};
  if (!model || !row) return [];
  const { domainId } = ownership[model];
  const membership = { grants: { some: { AND: [{ userId: row.id }, whereVisible(context, 'RoleGrant')] } } };
  const within = model === 'User' ? membership : domainId && row[domainId] ? { id: String(row[domainId]) } : null;
  if (!within) return [];
  const where = { AND: [within, whereVisible(context, 'Domain')] };
  return context.db.prisma.domain.findMany({ where, select: { id: true, name: true }, take: mostDomains, orderBy: { id: 'asc' } });
}

const mostDomains = 10; // a member of more is reached in many ways already
