import { toPrismaWhere } from '../../authorization/evaluate/conditions.ts';
import { whereVisible } from '../../authorization/evaluate/decisions.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import type { Context } from '../../graphql/context.ts';
import { whereActive } from '../../identity/grants/active-grants.ts';
import { toWhere } from '../../policy/policy.ts';

/** The condition on active grants that the viewer can see: the grant itself and, unless it is held everywhere, its domain. */
export const whereGrantVisible = (context: Context, where: Prisma.RoleGrantWhereInput): Prisma.RoleGrantWhereInput => ({
  AND: [
    where,
    whereVisible(context, 'RoleGrant'),
    whereDomainNotHidden(context),
    context.viewer ? whereActive(context.viewer.now) : { expiresAt: null },
  ],
});

/** A double negation, because with a choice between no domain and a visible one Prisma 7 finds no grant without a domain. */
function whereDomainNotHidden(context: Context): Prisma.RoleGrantWhereInput {
  const visible = toWhere(ruleOf(context, 'Domain'), context.viewer, 'Domain');
  return visible === true ? {} : { NOT: { domain: { is: { NOT: toPrismaWhere<Prisma.DomainWhereInput>(visible) } } } };
}
