import { all, any } from '../access/rule.ts';
import { anyone, domainAdmin, outranks, ranks, session, superadmin } from '../access/vocabulary.ts';
import { type Write, write } from '../access/write.ts';
import { builder } from '../builder.ts';
import { failure, invalid } from '../errors.ts';
import { future, line } from '../input.ts';
import { User } from '../user/user.ts';
import { RoleGrant } from './role-grant.ts';

const GrantRoleInput = builder.inputType('GrantRoleInput', {
  description: 'Who is to hold which role, where, and until when.',
  fields: (t) => ({
    userId: t.globalID({ required: true, for: User, description: 'Who is to hold the role.' }),
    role: t.string({ required: true, validate: line(63), description: 'The name of the role.' }),
    domain: t.string({ validate: line(63), description: 'The name of the domain; left out, the role is held everywhere.' }),
    expiresAt: t.field({ type: 'DateTime', validate: future, description: 'When the grant ends by itself.' }),
  }),
});

const GrantRolePayload = builder.simpleObject('GrantRolePayload', {
  description: 'What comes of granting a role.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    grant: t.field({ type: RoleGrant, description: 'The grant.' }),
    changed: t.boolean({ nullable: false, description: 'Whether anything changed: not if the user held the role there already.' }),
  }),
});

/** Who may grant and revoke roles that carry no rank; those that do are the superadmins' alone. */
export const grantRule = all(session, any(domainAdmin, outranks, superadmin));

builder.mutationField('grantRole', (t) =>
  t.field({
    type: GrantRolePayload,
    nullable: false,
    description: 'Grants a role. ADMIN and SUPERADMIN are granted by superadmins alone; a domain administrator grants in own domains only.',
    access: grantRule,
    args: { input: t.arg({ type: GrantRoleInput, required: true, description: 'The grant.' }) },
    resolve: (_, { input }, context, info) =>
      write(context, info, async (writing) => {
        const { tx, viewer, target, audit } = writing;
        const userId = input.userId.id;
        await target('User', userId);
        const { role, domain } = await roleAndDomain(writing, input.role, input.domain ?? null);
        const expiresAt = input.expiresAt ?? null;
        const where = { userId, roleId: role.id, domainId: domain?.id ?? null };
        const held = await tx.roleGrant.findFirst({ where });
        const lives = held && (!held.expiresAt || held.expiresAt > viewer.now);
        if (held && lives && held.expiresAt?.getTime() === expiresAt?.getTime()) return { grant: held as never, changed: false };
        const terms = { expiresAt, grantedById: viewer.user.id };
        const grant = held
          ? await tx.roleGrant.update({ where: { id: held.id }, data: terms })
          : await tx.roleGrant.create({ data: { ...where, ...terms } });
        const details = { role: role.name, domain: domain?.name ?? null, expiresAt: expiresAt?.toISOString() ?? null };
        await audit({
          action: 'privilege_permissions_changed',
          reason: 'granted',
          userId,
          domainId: domain?.id,
          target: ['RoleGrant', grant.id],
          details,
        });
        return { grant: grant as never, changed: true };
      }),
  }),
);

/** The role and the domain by name, as far as the viewer may grant or revoke that role in that domain. */
export async function roleAndDomain({ tx, viewer, require }: Write, roleName: string, domainName: string | null) {
  const role = await tx.role.findUnique({ where: { name: roleName } });
  if (!role) throw invalid({ role: ['no such role'] });
  const domain = domainName === null ? null : await tx.domain.findUnique({ where: { name: domainName } });
  const isOwn = domain !== null && viewer.administers.includes(domain.id);
  if (domainName !== null && (!domain || !(domain.active || isOwn || viewer.rank >= ranks.ADMIN)))
    throw invalid({ domain: ['no such domain'] });
  if (domain && !domain.active) throw invalid({ domain: ['not active'] });
  if (role.builtIn && role.name !== 'USER') require(superadmin);
  if (viewer.rank < ranks.ADMIN && !isOwn) throw failure('FORBIDDEN', { rule: 'domainAdmin' });
  if (role.name === 'SUPERADMIN' && domain) throw invalid({ domain: ['a superadmin is one everywhere'] });
  return { role, domain };
}
