import { encodeGlobalID } from '@pothos/plugin-relay';
import { sql } from '../../database/database.ts';
import type { Context } from '../../graphql/context.ts';
import { platformGrants, type Viewer, type ViewerGrant } from '../../identity/viewer.ts';
import { evaluateInMemory, evaluators } from '../../policy/evaluators.ts';
import type { RowSubject } from '../../policy/grants-scope.ts';
import { ifVisible } from '../evaluate/decisions.ts';
import { findMatchingIds } from '../evaluate/query-matching.ts';
import { type Condition, print, type Rule } from '../rules/rule.ts';

/** A rule with the verdict of every part; null where the caller is not told. */
export type Reason = { readonly met: boolean | null } & (
  | { readonly is: string; readonly of?: string; readonly says: string; readonly by?: readonly GrantOf[] }
  | { readonly any: readonly Reason[] }
  | { readonly all: readonly Reason[] }
);

/** A grant that satisfies a part of a rule. Where it holds in a domain, that is the one that it came through. */
interface GrantOf {
  readonly grant: string;
  readonly role: string | null;
  readonly domain: string | null;
}

/** Whether the asker meets one part of a rule. */
export type ConditionEvaluator = (atom: Condition, asker: Viewer | null) => Promise<boolean>;

/** Judges as enforcement does: what is not known without the database is asked of it. */
export const evaluateAgainstRow =
  ({ db }: Pick<Context, 'db'>, subject: RowSubject | undefined): ConditionEvaluator =>
  async (atom, asker) => {
    const now = evaluateInMemory(atom, asker, subject);
    if (now !== undefined || !subject?.row) return now === true;
    return (await findMatchingIds(db.prisma, atom, asker, subject.model, [subject.row.id])).has(subject.row.id);
  };

/** Judges without a look at the row: a step that opens what was shut may do. */
export const evaluateHypothetically =
  (before: Viewer, subject: RowSubject | undefined): ConditionEvaluator =>
  async (atom, asker) => {
    const about = subject && { model: subject.model };
    const now = evaluateInMemory(atom, asker, about);
    return now === true || (now === undefined && evaluateInMemory(atom, before, about) === false);
  };

/** The rule with all that is so, and the grants that make it so. */
export async function explainRule(context: Context, rule: Rule, asker: Viewer | null, judge: ConditionEvaluator): Promise<Reason> {
  const candidates = asker ? await candidatesFor(context, asker) : undefined;
  return reason(rule);

  async function reason(part: Rule): Promise<Reason> {
    if ('is' in part) {
      const met = await judge(part, asker);
      const by = met && candidates ? await grantsFor(part, candidates, judge) : [];
      return { ...told(part), met, ...(by.length > 0 && { by: await Promise.all(by.map((grant) => grantOf(context, grant))) }) };
    }
    const [kind, parts] = 'any' in part ? (['any', part.any] as const) : (['all', part.all] as const);
    const reasons = await Promise.all(parts.map(reason));
    const met = kind === 'any' ? reasons.some((one) => one.met) : reasons.every((one) => one.met);
    return { [kind]: reasons, met } as unknown as Reason;
  }
}

/** The rule with the verdicts that say nothing of the row: those of the asker alone, and whether the row is the asker's own. */
export function outline(rule: Rule, asker: Viewer | null, subject: RowSubject | undefined, say = outlined): Reason {
  if ('is' in rule) return { ...told(rule), met: say(rule, asker, subject) };
  const [kind, parts] = 'any' in rule ? (['any', rule.any] as const) : (['all', rule.all] as const);
  return { [kind]: parts.map((part) => outline(part, asker, subject, say)), met: null } as unknown as Reason;
}

const outlined = (atom: Condition, asker: Viewer | null, subject: RowSubject | undefined): boolean | null =>
  evaluateInMemory(atom, asker, atom.is === 'self' ? subject : undefined) ?? null;

const told = (atom: Condition) => ({ ...atom, says: `the viewer ${evaluators[atom.is]?.says}` });

const mostTried = 50; // grants for each part of a rule: each may take a statement

/** The asker without any grant, and with each one alone that the caller may know of. */
interface Candidates {
  readonly bare: Viewer;
  readonly each: readonly { readonly grant: ViewerGrant; readonly holder: Viewer }[];
}

async function candidatesFor(context: Context, asker: Viewer): Promise<Candidates> {
  const [shown, holding] = await Promise.all([visibleGrants(context, asker), withOnlyGrants(context, asker)]);
  return { bare: holding([]), each: shown.map((grant) => ({ grant, holder: holding([grant]) })) };
}

/** The grants without which the part would not be met, each of which is enough. */
async function grantsFor(atom: Condition, { bare, each }: Candidates, judge: ConditionEvaluator): Promise<ViewerGrant[]> {
  if (await judge(atom, bare)) return [];
  const tried = each.filter(({ holder }) => evaluateInMemory(atom, holder) !== false).slice(0, mostTried);
  const met = await Promise.all(tried.map(({ holder }) => judge(atom, holder)));
  return tried.flatMap(({ grant }, index) => (met[index] ? [grant] : []));
}

/** The asker's grants that the caller may know of. */
export async function visibleGrants(context: Context, asker: Viewer): Promise<ViewerGrant[]> {
  const shown = await Promise.all(asker.grants.map((grant) => ifVisible(context, 'RoleGrant', grant)));
  return asker.grants.filter((_, index) => shown[index]);
}

/** Makes the asker somebody who holds these of their grants and no others. */
export async function withOnlyGrants({ db }: Pick<Context, 'db'>, asker: Viewer): Promise<(grants: readonly ViewerGrant[]) => Viewer> {
  const roots = asker.grants.flatMap(({ domainId, role }) => (domainId && isAdmin(role) ? [domainId] : []));
  const below = await db.prisma.$queryRaw<{ root: string; id: string }[]>(sql`
    select root.id::text as root, below.id::text from unnest(${roots}::uuid[]) as root (id) cross join lateral domain_descendants(root.id) below`);
  return (grants) => {
    const own = new Set(grants.flatMap(({ domainId, role }) => (domainId && isAdmin(role) ? [domainId] : [])));
    const tree = new Set(below.flatMap(({ root, id }) => (own.has(root) ? [id] : [])));
    return {
      ...asker,
      grants,
      ...platformGrants(grants),
      administeredDomainIds: asker.administeredDomainIds.filter((id) => tree.has(id)),
    };
  };
}

const isAdmin = ({ name, builtIn }: ViewerGrant['role']) => builtIn && name === 'ADMIN';

/** The grant with its role and its domain, as far as the caller may know of them. */
async function grantOf(context: Context, { id, role, domain }: ViewerGrant): Promise<GrantOf> {
  const [ofRole, ofDomain] = await Promise.all([ifVisible(context, 'Role', role), ifVisible(context, 'Domain', domain)]);
  return { grant: encodeGlobalID('RoleGrant', id), role: ofRole?.name ?? null, domain: ofDomain?.name ?? null };
}

/** The ids of all grants that a tree of reasons names. */
export const grantIdsIn = (reason: Reason): string[] =>
  'is' in reason
    ? (reason.by ?? []).map(({ grant }) => grant)
    : ('any' in reason ? reason.any : reason.all).flatMap((part) => grantIdsIn(part));

/** Judges each part once for each asker. */
export function memoizeEvaluator(judge: ConditionEvaluator): ConditionEvaluator {
  const judged = new Map<Viewer | null, Map<string, Promise<boolean>>>();
  return (atom, asker) => {
    const ofAsker = judged.get(asker) ?? new Map<string, Promise<boolean>>();
    judged.set(asker, ofAsker);
    const verdict = ofAsker.get(print(atom)) ?? judge(atom, asker);
    ofAsker.set(print(atom), verdict);
    return verdict;
  };
}
