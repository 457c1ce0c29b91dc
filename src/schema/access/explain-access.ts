import { encodeGlobalID } from '@pothos/plugin-relay';
import { accessDenied } from '../../authorization/evaluate/access-denied.ts';
import { decide, whereVisible } from '../../authorization/evaluate/decisions.ts';
import { explainableRow } from '../../authorization/explain/explainable-row.ts';
import { contextFor, hypotheticalViewer, resolveSubject } from '../../authorization/explain/impersonate.ts';
import {
  type ConditionEvaluator,
  evaluateAgainstRow,
  evaluateHypothetically,
  explainRule,
  grantIdsIn,
  memoizeEvaluator,
  outline,
  visibleGrants,
  withOnlyGrants,
} from '../../authorization/explain/reasons.ts';
import { candidateChanges, findRemedies, formatRemedy } from '../../authorization/explain/remedies.ts';
import { modelByCoordinate, mutationTargets, ruleByCoordinate } from '../../authorization/rules/registry.ts';
import { any, type Rule } from '../../authorization/rules/rule.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { ranks, type Viewer } from '../../identity/viewer.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, anyone, domainAdmin, self } from '../../policy/conditions.ts';
import { evaluateInMemory } from '../../policy/evaluators.ts';
import type { RowSubject } from '../../policy/grants-scope.ts';
import { type Model, ownership } from '../../policy/ownership.ts';
import { AccessExplanation, type Explanation, type ExplanationDetails } from './access-explanation.ts';

builder.queryField('explainAccess', (t) =>
  t.field({
    type: AccessExplanation,
    nullable: false,
    description: 'Why somebody may do something, or may not: the rule of a place with the verdict of each part, and what would satisfy it.',
    access: anyone('it tells nobody more than asking for the thing itself would'),
    extensions: { price: 100 },
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
  const rule = ruleByCoordinate.get(coordinate);
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
async function subjectOf(context: Context, coordinate: string, nodeId: GlobalId): Promise<RowSubject | undefined> {
  const model = modelAt(coordinate);
  if (!nodeId) return model && { model };
  if (nodeId.typename !== model) throw validationError({ nodeId: [model ? `the id of a ${model}` : 'the rule asks about no object'] });
  const row = await explainableRow(context, coordinate, model, nodeId.id);
  if (!row) throw graphqlError('NOT_FOUND');
  return { model, row };
}

/** The model whose rows the rule asks about: the type's, or what the mutation is about. */
function modelAt(coordinate: string): Model | undefined {
  const [, mutation = ''] = /^(\w+)Input\./.exec(coordinate) ?? [];
  return (
    modelByCoordinate.get(coordinate) ?? mutationTargets.get(`Mutation.${mutation.charAt(0).toLowerCase()}${mutation.slice(1)}`)?.model
  );
}

/**
 * How much the caller is told: all about an object that they administer, or about themselves where there is none; of others only a platform
 * administrator is. A domain administrator who asks about a member is told whether the grants that they may know of are enough, and only of
 * rows of the own domains. Throws FORBIDDEN for others.
 */
async function levelOf(context: Context, asker: Viewer | null, subject: RowSubject | undefined): Promise<keyof typeof tellings> {
  const isOther = asker?.user.id !== context.viewer?.user.id;
  if ((context.viewer?.rank ?? 0) >= ranks.ADMIN) return 'all';
  const isOfDomain = subject !== undefined && ownership[subject.model].domain !== 'everywhere';
  const administers = isOfDomain && subject.row && (await decide(context, domainAdmin, subject.model, subject.row)) === true;
  if (!isOther) return !subject?.row || administers ? 'all' : 'outline';
  if (!administers) throw accessDenied(context, 'Query.explainAccess(as:)');
  return 'verdict';
}

interface Asked {
  readonly rule: Rule;
  readonly asker: Viewer | null;
  readonly subject: RowSubject | undefined;
}

/** What is told at each level. */
const tellings = {
  all: async (context: Context, { rule, asker, subject }: Asked): Promise<ExplanationDetails> => {
    const judge = memoizeEvaluator(evaluateAgainstRow(context, subject));
    const tree = await explainRule(context, rule, asker, judge);
    const ids = new Set(grantIdsIn(tree));
    const satisfiedBy = (asker?.grants ?? []).filter(({ id }) => ids.has(encodeGlobalID('RoleGrant', id)));
    return { tree, satisfiedBy, wouldSatisfy: await waysOf(rule, asker, judge, await domainsOf(context, subject)) };
  },
  outline: async (_: Context, { rule, asker, subject }: Asked): Promise<ExplanationDetails> => {
    const wouldSatisfy = await waysOf(rule, asker, evaluateHypothetically(asker ?? hypotheticalViewer, subject));
    return { tree: outline(rule, asker, subject), satisfiedBy: null, wouldSatisfy };
  },
  verdict: async (_: Context, { rule, subject }: Asked): Promise<ExplanationDetails> => ({
    tree: outline(rule, null, undefined, () => null),
    satisfiedBy: null,
    wouldSatisfy: await waysOf(rule, hypotheticalViewer, evaluateHypothetically(hypotheticalViewer, subject)),
  }),
};

async function waysOf(rule: Rule, asker: Viewer | null, judge: ConditionEvaluator, domains: readonly { id: string; name: string }[] = []) {
  const ways = await findRemedies(rule, asker ?? hypotheticalViewer, candidateChanges(rule, domains), judge);
  return asker ? ways.map(formatRemedy) : ways.map((way) => ['sign in', formatRemedy(way)].filter(Boolean).join(' and '));
}

/** The domains whose administration would reach the row, as far as the caller may know of them. */
async function domainsOf(context: Context, subject: RowSubject | undefined) {
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
