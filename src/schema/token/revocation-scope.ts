import { accessDenied, decide } from '../../authorization/evaluate/decisions.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import { any } from '../../authorization/rules/rule.ts';
import { type Sql, sql } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import type { Revocation } from '../../identity/tokens/revocation-log.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, domainAdmin, owner, scope } from '../../policy/conditions.ts';
import { evaluateInMemory } from '../../policy/policy.ts';
import { User } from '../user/user.ts';
import { followsAll } from './token-revocation.ts';

/** Whose revocations are asked for. */
export interface RevocationArgs {
  readonly userId?: { id: string } | null;
  readonly domain?: string | null;
  readonly all?: boolean | null;
}

/** Who may ask for revocations at all; each of them has a rule of its own. */
export const followRule = any(scope('tokens:read'), scope('tokens:follow'));

type Root = 'Query' | 'Subscription';

/** The arguments that say whose revocations are asked for. */
export const revocationArgs = () =>
  builder.args((t) => ({
    userId: t.globalID({ for: User, target: 'User', access: any(owner, domainAdmin), description: 'Only those of this user.' }),
    domain: t.string({ validate: singleLineText(63), description: 'Only those entered through this domain.' }),
    all: t.boolean({
      access: any(admin, followsAll),
      description: 'All that the viewer may know of; an administrator or a resource server asks so.',
    }),
    after: t.string({ validate: singleLineText(64), description: 'Go on after this cursor.' }),
  }));

/** What is followed: all, a domain's or a user's. */
export type RevocationScope = { readonly all: true } | { readonly domainId: string } | { readonly userId: string };

export const isInScope = (scope: RevocationScope, event: Revocation) =>
  'all' in scope || ('domainId' in scope ? event.domainId === scope.domainId : event.userId === scope.userId);

/** The same as a condition on "TokenRevocation" r. */
export function scopeWhere(scope: RevocationScope): Sql {
  if ('all' in scope) return sql`true`;
  return 'domainId' in scope ? sql`r."domainId" = ${scope.domainId}::uuid` : sql`r."userId" = ${scope.userId}::uuid`;
}

/** What was asked for. Throws NOT_FOUND for a user or a domain that the viewer may not know of, FORBIDDEN for what they may not follow. */
export async function resolveScope(context: Context, root: Root, wanted: RevocationArgs): Promise<RevocationScope> {
  if ([wanted.userId, wanted.domain, wanted.all].filter((one) => one != null && one !== false).length > 1)
    throw validationError({ all: ['one of userId, domain and all'] });
  const scope = await found(context, wanted);
  await requireAccess(context, root, scope);
  return scope;
}

async function found(context: Context, { userId, domain, all }: RevocationArgs): Promise<RevocationScope> {
  if (all) return { all };
  if (domain == null) return { userId: userId?.id ?? context.viewer?.user.id ?? '' };
  const row = await context.db.prisma.domain.findUnique({ where: { name: domain }, select: { id: true } });
  if (!row || !(await isMet(context, 'Domain', row.id))) throw graphqlError('NOT_FOUND');
  return { domainId: row.id };
}

/** Throws FORBIDDEN when the right to ask for this is not, or no longer, there. */
export async function requireAccess(context: Context, root: Root, scope: RevocationScope) {
  const field = `${root}.token${root === 'Query' ? 'Revocations' : 'Revoked'}`;
  if (evaluateInMemory(ruleOf(context, field), context.viewer) !== true) throw accessDenied(context, field);
  const all = `${field}(all:)`;
  if ('all' in scope && evaluateInMemory(ruleOf(context, all), context.viewer) !== true) throw accessDenied(context, all);
  if ('domainId' in scope && !(await isMet(context, 'Domain', scope.domainId))) throw accessDenied(context, field);
  if ('userId' in scope && !(await isMet(context, 'User', scope.userId))) throw accessDenied(context, `${field}(userId:)`);
}

/** Whether the rule of what is followed holds for the user or the domain that it is followed of. */
async function isMet(context: Context, model: 'Domain' | 'User', id: string): Promise<boolean> {
  if (model === 'Domain' && evaluateInMemory(admin, context.viewer) === true) return true;
  return (await decide(context, ruleOf(context, 'TokenRevocation'), model, { id })) === true;
}

/** Whether the viewer may know of this one. */
export const canSee = async (context: Context, event: Revocation) =>
  (await decide(context, ruleOf(context, 'TokenRevocation'), 'TokenRevocation', event as never)) === true;
