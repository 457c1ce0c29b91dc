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

/** The arguments that select revocations. */
export interface RevocationArgs {
  readonly userId?: { id: string } | null;
  readonly domain?: string | null;
  readonly all?: boolean | null;
}

/** The rule of both fields. In addition, each revocation has a rule. */
export const followRule = any(scope('tokens:read'), scope('tokens:follow'));

/** Who may follow their own revocations. */
const ownRule = any(scope('tokens:read'), followsAll);

type Root = 'Query' | 'Subscription';

export const revocationArgs = () =>
  builder.args((t) => ({
    userId: t.globalID({ for: User, target: 'User', access: any(owner, domainAdmin), description: 'Only revocations of this user.' }),
    domain: t.string({ validate: singleLineText(63), description: 'Only revocations of sessions that were opened through this domain.' }),
    all: t.boolean({
      access: any(admin, followsAll),
      description: 'All revocations the viewer can see. For administrators and resource servers.',
    }),
    after: t.string({ validate: singleLineText(128), description: 'Continue after this cursor.' }),
  }));

/** The selected revocations: all of them, those of a domain, or those of a user. */
export type RevocationScope = { readonly all: true } | { readonly domainId: string } | { readonly userId: string };

export function isInScope(scope: RevocationScope, event: Revocation): boolean {
  if ('all' in scope) return true;
  return 'domainId' in scope ? event.domainId === scope.domainId : event.userId === scope.userId;
}

/** `isInScope` as a condition on "TokenRevocation" r. */
export function scopeWhere(scope: RevocationScope): Sql {
  if ('all' in scope) return sql`true`;
  return 'domainId' in scope ? sql`r."domainId" = ${scope.domainId}::uuid` : sql`r."userId" = ${scope.userId}::uuid`;
}

/** Resolves the arguments. Throws NOT_FOUND for a user or domain that the viewer cannot see, FORBIDDEN for one that they may not follow. */
export async function resolveScope(context: Context, root: Root, args: RevocationArgs): Promise<RevocationScope> {
  const given = [args.userId, args.domain, args.all].filter((value) => value != null && value !== false);
  if (given.length > 1) throw validationError({ all: ['must be the only one of userId, domain and all'] });
  const scope = await findScope(context, args);
  await requireAccess(context, root, scope);
  return scope;
}

async function findScope(context: Context, { userId, domain, all }: RevocationArgs): Promise<RevocationScope> {
  if (all) return { all };
  if (domain == null) return { userId: userId?.id ?? context.viewer?.user.id ?? '' };
  const row = await context.db.prisma.domain.findUnique({ where: { name: domain }, select: { id: true } });
  if (!row || !(await canFollow(context, 'Domain', row.id))) throw graphqlError('NOT_FOUND');
  return { domainId: row.id };
}

/** Throws FORBIDDEN unless the viewer may follow the scope now. */
export async function requireAccess(context: Context, root: Root, scope: RevocationScope) {
  const field = root === 'Query' ? 'Query.tokenRevocations' : 'Subscription.tokenRevoked';
  // Could be omitted only as long as the rule asks for nothing but a scope, which a token never loses.
  if (evaluateInMemory(ruleOf(context, field), context.viewer) !== true) throw accessDenied(context, field);
  const all = `${field}(all:)`;
  if ('all' in scope && evaluateInMemory(ruleOf(context, all), context.viewer) !== true) throw accessDenied(context, all);
  if ('domainId' in scope && !(await canFollow(context, 'Domain', scope.domainId))) throw accessDenied(context, field);
  if ('userId' in scope && !(await canFollow(context, 'User', scope.userId))) throw accessDenied(context, `${field}(userId:)`);
}

/** True if the rule of revocations holds for the user or the domain. */
async function canFollow(context: Context, model: 'Domain' | 'User', id: string): Promise<boolean> {
  if (model === 'Domain' && evaluateInMemory(admin, context.viewer) === true) return true;
  // Also with an API token of a domain, which then follows the owner's revocations in that domain.
  if (model === 'User' && id === context.viewer?.user.id) return evaluateInMemory(ownRule, context.viewer) === true;
  return (await decide(context, ruleOf(context, 'TokenRevocation'), model, { id })) === true;
}

export const canSee = async (context: Context, event: Revocation) =>
  (await decide(context, ruleOf(context, 'TokenRevocation'), 'TokenRevocation', event as never)) === true;
