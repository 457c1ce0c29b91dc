import { anyone } from '../access/vocabulary.ts';
import { type Write, write } from '../access/write.ts';
import { builder } from '../builder.ts';
import { invalid } from '../errors.ts';
import type { RoleGrant as RoleGrantRow } from '../generated/prisma/client.ts';
import { future, line } from '../input.ts';
import { keepOneSuperadmin } from '../user/last-superadmin.ts';
import { User } from '../user/user.ts';
import { grantable, grantRule } from './grantable.ts';
import { RoleGrant } from './role-grant.ts';

const GrantRoleInput = builder.inputType('GrantRoleInput', {
  description: 'Who is to hold which role, where, and until when.',
  fields: (t) => ({
    userId: t.globalID({ required: true, for: User, description: 'Who is to hold the role.' }),
    role: t.string({ required: true, validate: line(63), description: 'The name of the role.' }),
    domain: t.string({ validate: line(63), description: 'The name of the domain; left out, the role is held everywhere.' }),
    expiresAt: t.field({ type: 'DateTime', validate: future, description: 'When the grant ends by itself; left out, it has no end.' }),
  }),
});

const GrantRolePayload = builder.simpleObject('GrantRolePayload', {
  description: 'What comes of granting a role.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    grant: t.field({ type: RoleGrant, description: 'The grant.' }),
    changed: t.boolean({
      nullable: false,
      description: 'Whether anything changed: not if the user held the role there already, with the same end.',
    }),
  }),
});

builder.mutationField('grantRole', (t) =>
  t.field({
    type: GrantRolePayload,
    nullable: false,
    description: 'Grants a role. ADMIN and SUPERADMIN are granted by superadmins alone; a domain administrator grants in own domains only.',
    access: grantRule,
    args: { input: t.arg({ type: GrantRoleInput, required: true, description: 'The grant.' }) },
    resolve: (_, { input }, context, info) =>
      write(context, info, async (writing) => {
        const { tx, target, audit } = writing;
        const userId = input.userId.id;
        await target('User', userId);
        const { role, domain } = await grantable(writing, input);
        if (domain && !domain.active) throw invalid({ domain: ['not active'] });
        const expiresAt = input.expiresAt ?? null;
        if (role.name === 'SUPERADMIN' && expiresAt) await keepOneSuperadmin(tx, userId);
        const { grant, changed } = await put(writing, { userId, roleId: role.id, domainId: domain?.id ?? null }, expiresAt);
        const about = { userId, domainId: domain?.id ?? null, target: ['RoleGrant', grant.id] } as const;
        const details = { role: role.name, domain: domain?.name ?? null, expiresAt: expiresAt?.toISOString() ?? null };
        if (changed) await audit({ action: 'privilege_permissions_changed', reason: 'granted', ...about, details });
        return { grant, changed };
      }),
  }),
);

/** The unique key decides whether there is a grant: of several at the same moment one makes it, and the others find it. */
async function put({ tx, viewer }: Write, which: Pick<RoleGrantRow, 'userId' | 'roleId' | 'domainId'>, expiresAt: Date | null) {
  const terms = { expiresAt, grantedById: viewer.user.id, createdAt: viewer.now };
  const made = await tx.roleGrant.createMany({ data: { ...which, ...terms }, skipDuplicates: true });
  const endsOtherwise = expiresAt ? { OR: [{ expiresAt: null }, { expiresAt: { not: expiresAt } }] } : { expiresAt: { not: null } };
  const renewed = made.count > 0 ? made : await tx.roleGrant.updateMany({ where: { ...which, ...endsOtherwise }, data: terms });
  return { grant: await tx.roleGrant.findFirstOrThrow({ where: which }), changed: renewed.count > 0 };
}
