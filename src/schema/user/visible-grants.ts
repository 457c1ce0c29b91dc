import { whereVisible } from '../../authorization/evaluate/decisions.ts';
import { toPrismaWhere } from '../../authorization/evaluate/query-matching.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import type { Context } from '../../graphql/context.ts';
import { whereActive } from '../../identity/grants/active-grants.ts';
import { toWhere } from '../../policy/evaluators.ts';

/** The condition on active grants that the viewer can see: the grant itself and, unless it is held everywhere, its domain. */
export const whereGrantVisible = (context: Context, where: Prisma.RoleGrantWhereInput): Prisma.RoleGrantWhereInput => ({
  AND: [where, whereVisible(context, 'RoleGrant'), whereDomainNotHidden(context), whereActive(context.viewer?.now ?? new Date())],
});

/** A double negation, because with a choice between no domain and a visible one Prisma 7 finds no grant without a domain. */
function whereDomainNotHidden({ viewer }: Context): Prisma.RoleGrantWhereInput {
  const visible = toWhere(ruleOf('Domain'), viewer, 'Domain');
  return visible === true ? {} : { NOT: { domain: { is: { NOT: toPrismaWhere<'Domain'>(visible) } } } };
}
