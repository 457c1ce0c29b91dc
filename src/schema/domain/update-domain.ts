import { all, any } from '../../authorization/rules/rule.ts';
import { sql, type Tx } from '../../database/database.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { ancestors, descendants, isInactive, lockTreeForUpdate } from '../../identity/domains/domain-tree.ts';
import { lockDomain } from '../../identity/domains/lock-domain.ts';
import { revokeDomainSessions } from '../../identity/domains/revoke-domain-sessions.ts';
import { revokeGrants } from '../../identity/grants/delegated-grants.ts';
import { revokeOrphanedSessions } from '../../identity/grants/revoke-orphaned-sessions.ts';
import { nonBlankText, rejectNull, singleLineText } from '../../lib/validators.ts';
import { admin, domainAdmin, scope, superadmin } from '../../policy/conditions.ts';
import { Domain } from './domain.ts';

builder.relayMutationField(
  'updateDomain',
  {
    description: 'What changes of a domain: what is left out stays.',
    validate: rejectNull('displayName', 'active'),
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: Domain, description: 'The id of the domain.' }),
      displayName: t.string({ validate: nonBlankText(120), description: 'The name that people read.' }),
      active: t.boolean({ access: admin, description: 'Whether it is active.' }),
      parent: t.string({ access: superadmin, validate: singleLineText(63), description: 'The name of the domain above, null for none.' }),
    }),
  },
  {
    description:
      'Changes a domain. Its administrators change the display name, platform administrators also whether it is active, superadmins all.',
    access: all(scope('domains:write'), any(domainAdmin, admin)),
    target: 'Domain',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async (writing) => {
        const { tx, lockTarget, audit } = writing;
        const { displayName, active, parent } = input;
        const { id } = input.id;
        if (parent !== undefined) await lockTreeForUpdate(tx);
        await lockTarget(id);
        const parentId = parent == null ? parent : await parentOf(tx, id, parent);
        const data = {
          ...(displayName != null && { displayName }),
          ...(active != null && { active }),
          ...(parentId !== undefined && { parentId }),
        };
        const domain = await tx.domain.update({ where: { id }, data });
        await audit({ action: 'authz_admin', reason: 'domain updated', domainId: id, target: { type: 'Domain', id }, details: data });
        if (parentId !== undefined) {
          await revokeGrants(writing, context, await cutOff(tx, id));
          await revokeOrphanedSessions(writing, context, sql`t."domainId" in (${descendants(id)})`); // of those who were ADMIN above it
        }
        if (active === false || (parentId && (await isInactive(tx, parentId))))
          await revokeDomainSessions(writing, context, id, 'DOMAIN_DISABLED');
        return { domain };
      }),
  },
  { outputFields: (t) => ({ domain: t.expose('domain', { type: Domain, description: 'The domain.' }) }) },
);

/** The id of the domain that is to be the parent of `id`. */
async function parentOf(tx: Tx, id: string, name: string): Promise<string> {
  const parent = await lockDomain(tx, name);
  if (!parent) throw validationError({ parent: ['no such domain'] });
  const line = await ancestors(tx, parent.id);
  if (line.some((above) => above.id === id)) throw validationError({ parent: ['is the domain itself, or below it'] });
  return parent.id;
}

/**
 * The grants in a domain that was moved, or below it, that were passed on from a grant in a domain which it is no longer below. Those that were
 * passed on within what moved together, or from a grant that holds everywhere, stay.
 */
async function cutOff(tx: Tx, id: string): Promise<string[]> {
  const above = (await ancestors(tx, id)).map((domain) => domain.id);
  const grants = await tx.$queryRaw<{ id: string }[]>(sql`
    with moved as (${descendants(id)}) select g.id::text from "RoleGrant" g join "RoleGrant" source on source.id = g."throughId"
      where g."domainId" in (select id from moved) and source."domainId" not in (select id from moved)
        and source."domainId" <> all(${above}::uuid[])`);
  return grants.map((grant) => grant.id);
}
