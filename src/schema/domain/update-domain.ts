import { all, any } from '../../authorization/rules/rule.ts';
import { sql, type Tx } from '../../database/database.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { ancestors, descendants, grantsWithin } from '../../identity/domains/domain-tree.ts';
import { domainIds, lockDomain } from '../../identity/domains/lock-domain.ts';
import { revokeDomainSessions } from '../../identity/domains/revoke-domain-sessions.ts';
import { revokeGrants } from '../../identity/grants/delegated-grants.ts';
import { revokeOrphanedSessions } from '../../identity/grants/revoke-orphaned-sessions.ts';
import { nonBlankText, rejectNull, singleLineText } from '../../lib/validators.ts';
import { admin, domainAdmin, scope, superadmin } from '../../policy/conditions.ts';
import { Domain } from './domain.ts';

builder.relayMutationField(
  'updateDomain',
  {
    description: 'Fields to change. Omitted fields stay unchanged.',
    validate: rejectNull('displayName', 'active'),
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: Domain, description: 'ID of the domain.' }),
      displayName: t.string({ validate: nonBlankText(120), description: 'Name for display.' }),
      active: t.boolean({ access: admin, description: 'True to enable the domain, false to disable it.' }),
      parent: t.string({
        access: superadmin,
        validate: singleLineText(63),
        description: 'Name of the new parent domain, or null for none.',
      }),
    }),
  },
  {
    description:
      'Updates a domain. Its administrators may change the display name, platform administrators also `active`, superadmins also `parent`.',
    access: all(scope('domains:write'), any(domainAdmin, admin)),
    target: 'Domain',
    resolve: (_, { input }, context, info) => {
      const { displayName, active, parent } = input;
      const { id } = input.id;
      const lockAlso = async (tx: Tx) => ({
        tree: active != null || parent !== undefined ? ('update' as const) : undefined,
        domains: await domainIds(tx, parent),
        changedGrants: parent === undefined ? [] : await grantsWithin(tx, id),
      });
      const update = async (mutation: MutationScope) => {
        const { tx, lockTarget, audit } = mutation;
        await lockTarget(id);
        const newParent = parent == null ? null : await requireParent(tx, id, parent);
        const parentId = parent === undefined ? undefined : (newParent?.id ?? null);
        const data = {
          ...(displayName != null && { displayName }),
          ...(active != null && { active }),
          ...(parentId !== undefined && { parentId }),
        };
        const domain = await tx.domain.update({ where: { id }, data });
        await audit({ action: 'authz_admin', reason: 'domain updated', domainId: id, target: { type: 'Domain', id }, details: data });
        if (active === false || newParent?.open === false) await revokeDomainSessions(mutation, context, id, 'DOMAIN_DISABLED');
        if (parentId !== undefined) {
          await revokeGrants(mutation, context, await orphanedGrants(tx, id));
          // Administrators of a former ancestor lose the sessions that they had here.
          await revokeOrphanedSessions(mutation, context, sql`t."domainId" in (${descendants(id)})`);
        }
        return { domain };
      };
      return runMutation(context, info, update, lockAlso);
    },
  },
  { outputFields: (t) => ({ domain: t.expose('domain', { type: Domain, description: 'The updated domain.' }) }) },
);

/** The new parent. Rejects one that would make the tree a cycle. */
async function requireParent(tx: Tx, id: string, name: string) {
  const parent = await lockDomain(tx, name);
  if (!parent) throw validationError({ parent: ['must be an existing domain'] });
  if ((await ancestors(tx, parent.id)).includes(id)) throw validationError({ parent: ['must not be the domain itself or one below it'] });
  return parent;
}

/**
 * Grants in the moved subtree whose source is a grant in a former ancestor, which no longer applies there. Delegations within the subtree and
 * from grants that apply everywhere stay.
 */
async function orphanedGrants(tx: Tx, id: string): Promise<string[]> {
  const above = await ancestors(tx, id);
  const grants = await tx.$queryRaw<{ id: string }[]>(sql`
    with moved as (${descendants(id)}) select g.id::text from "RoleGrant" g join "RoleGrant" source on source.id = g."throughId"
      where g."domainId" in (select id from moved) and source."domainId" not in (select id from moved)
        and source."domainId" <> all(${above}::uuid[])`);
  return grants.map((grant) => grant.id);
}
