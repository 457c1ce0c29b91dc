import { encodeGlobalID } from '@pothos/plugin-relay';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { failure, invalid } from '../../errors.ts';
import { line } from '../../lib/validators.ts';
import { AccessExplanation, type Explanation, type Told } from './access-explanation.ts';
import { askableRow } from '../../authorization/explain/explainable-row.ts';
import { askedAs, contextOf, someone } from '../../authorization/explain/impersonate.ts';
import { denial } from '../../authorization/evaluate/access-denied.ts';
import { known } from '../../policy/evaluators.ts';
import { type Model, ownedBy } from '../../policy/ownership.ts';
import type { Subject } from '../../policy/grants-scope.ts';
import { grantIdsIn, grantsKnownTo, guessing, holders, type Judge, judging, once, outlineOf, reasonsOf } from '../../authorization/explain/reasons.ts';
import { any, type Rule } from '../../authorization/rules/rule.ts';
import { abouts, models, rules } from '../../authorization/rules/registry.ts';
import { verdict, visible } from '../../authorization/evaluate/decisions.ts';
import { ranks, type Viewer } from '../../identity/viewer.ts';
import { admin, anyone, domainAdmin, self } from '../../policy/conditions.ts';
import { sayWay, stepsFor, waysTo } from '../../authorization/explain/remedies.ts';

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
        validate: line(200),
        description:
          'The place: `User.email`, `Mutation.disableUser`, `UserFilter.search`, `Query.explainAccess(as:)`; `accessRules` has them all.',
      }),
      nodeId: t.arg.globalID({ description: 'The object that it is about; needed where the answer depends on it.' }),
      as: t.arg.globalID({
        about: 'User',
        access: any(self, domainAdmin, admin),
        description: 'Who would do it; the viewer unless said, another user for whoever administers that user.',
      }),
    },
    resolve: (_, { coordinate, nodeId, as }, context) => explain(context, coordinate, nodeId, as),
  }),
);

type GlobalId = { readonly typename: string; readonly id: string } | null | undefined;

async function explain(context: Context, coordinate: string, nodeId: GlobalId, as: GlobalId): Promise<Explanation> {
  const rule = rules.get(coordinate);
  if (!rule) throw invalid({ coordinate: ['no such place'] });
  const asker = await askedAs(context, as);
  const subject = await subjectOf(context, coordinate, nodeId);
  if (!subject?.row && known(rule, asker, subject) === undefined)
    throw invalid({ nodeId: [`the rule asks about an object: give the id of a ${subject?.model}`] });
  const level = await levelOf(context, asker, subject);
  const judged = level === 'verdict' && asker ? (await holders(context, asker))(await grantsKnownTo(context, asker)) : asker;
  const allowed = (await verdict(contextOf(context, judged), rule, subject?.model, subject?.row)) === true;
  const telling = () => tellings[level](context, { rule, asker, subject });
  let told: Promise<Told> | undefined;
  return { coordinate, rule, allowed, told: () => (told ??= telling()) };
}

/** The row that the rule is asked about, as the caller may know of it. Throws NOT_FOUND for one that they may not. */
async function subjectOf(context: Context, coordinate: string, nodeId: GlobalId): Promise<Subject | undefined> {
  const model = modelAt(coordinate);
  if (!nodeId) return model && { model };
  if (nodeId.typename !== model) throw invalid({ nodeId: [model ? `the id of a ${model}` : 'the rule asks about no object'] });
  const row = await askableRow(context, coordinate, model, nodeId.id);
  if (!row) throw failure('NOT_FOUND');
  return { model, row };
}

/** The model whose rows the rule asks about: the type's, or what the mutation is about. */
function modelAt(coordinate: string): Model | undefined {
  const [, mutation = ''] = /^(\w+)Input\./.exec(coordinate) ?? [];
  return models.get(coordinate) ?? abouts.get(`Mutation.${mutation.charAt(0).toLowerCase()}${mutation.slice(1)}`)?.model;
}

/**
 * How much the caller is told: all about an object that they administer, or about themselves where there is none; of others only a platform
 * administrator is. A domain administrator who asks about a member is told whether the grants that they may know of are enough, and only of
 * rows of the own domains. Throws FORBIDDEN for others.
 */
async function levelOf(context: Context, asker: Viewer | null, subject: Subject | undefined): Promise<keyof typeof tellings> {
  const isOther = asker?.user.id !== context.viewer?.user.id;
  if ((context.viewer?.rank ?? 0) >= ranks.ADMIN) return 'all';
  const isOfDomain = subject !== undefined && ownedBy[subject.model].domain !== 'everywhere';
  const administers = isOfDomain && subject.row && (await verdict(context, domainAdmin, subject.model, subject.row)) === true;
  if (!isOther) return !subject?.row || administers ? 'all' : 'outline';
  if (!administers) throw denial(context, 'Query.explainAccess(as:)');
  return 'verdict';
}

interface Asked {
  readonly rule: Rule;
  readonly asker: Viewer | null;
  readonly subject: Subject | undefined;
}

/** What is told at each level. */
const tellings = {
  all: async (context: Context, { rule, asker, subject }: Asked): Promise<Told> => {
    const judge = once(judging(context, subject));
    const tree = await reasonsOf(context, rule, asker, judge);
    const ids = new Set(grantIdsIn(tree));
    const satisfiedBy = (asker?.grants ?? []).filter(({ id }) => ids.has(encodeGlobalID('RoleGrant', id)));
    return { tree, satisfiedBy, wouldSatisfy: await waysOf(rule, asker, judge, await domainsOf(context, subject)) };
  },
  outline: async (_: Context, { rule, asker, subject }: Asked): Promise<Told> => {
    const wouldSatisfy = await waysOf(rule, asker, guessing(asker ?? someone, subject));
    return { tree: outlineOf(rule, asker, subject), satisfiedBy: null, wouldSatisfy };
  },
  verdict: async (_: Context, { rule, subject }: Asked): Promise<Told> => ({
    tree: outlineOf(rule, null, undefined, () => null),
    satisfiedBy: null,
    wouldSatisfy: await waysOf(rule, someone, guessing(someone, subject)),
  }),
};

async function waysOf(rule: Rule, asker: Viewer | null, judge: Judge, domains: readonly { id: string; name: string }[] = []) {
  const ways = await waysTo(rule, asker ?? someone, stepsFor(rule, domains), judge);
  return asker ? ways.map(sayWay) : ways.map((way) => ['sign in', sayWay(way)].filter(Boolean).join(' and '));
}

/** The domains whose administration would reach the row, as far as the caller may know of them. */
async function domainsOf(context: Context, subject: Subject | undefined) {
  const { model, row } = subject ?? {};
  if (!model || !row) return [];
  const { domainId } = ownedBy[model];
  const membership = { grants: { some: { AND: [{ userId: row.id }, visible(context, 'RoleGrant')] } } };
  const within = model === 'User' ? membership : domainId && row[domainId] ? { id: String(row[domainId]) } : null;
  if (!within) return [];
  const where = { AND: [within, visible(context, 'Domain')] };
  return context.db.prisma.domain.findMany({ where, select: { id: true, name: true }, take: mostDomains, orderBy: { id: 'asc' } });
}

const mostDomains = 10; // a member of more is reached in many ways already
