import { all, any } from '../access/rule.ts';
import { admin, anyone, domainAdmin, scope, superadmin } from '../access/vocabulary.ts';
import { type Write, write } from '../access/write.ts';
import { builder } from '../builder.ts';
import type { Client } from '../context.ts';
import { sql, type Tx, within } from '../db.ts';
import { invalid } from '../errors.ts';
import { line } from '../input.ts';
import { revoke } from '../token/lifecycle.ts';
import { Domain } from './domain.ts';

const UpdateDomainInput = builder.inputType('UpdateDomainInput', {
  description: 'What changes of a domain: what is left out stays.',
  fields: (t) => ({
    id: t.globalID({ required: true, for: Domain, description: 'The id of the domain.' }),
    displayName: t.string({ validate: line(120).min(1, 'not empty'), description: 'The name that people read.' }),
    active: t.boolean({ description: 'Whether it is active; an administrator says so.' }),
    parent: t.string({ validate: line(63), description: 'The name of the domain above, null for none; a superadmin says so.' }),
  }),
});

const UpdateDomainPayload = builder.simpleObject('UpdateDomainPayload', {
  description: 'What comes of changing a domain.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    domain: t.field({ type: Domain, description: 'The domain.' }),
  }),
});

builder.mutationField('updateDomain', (t) =>
  t.field({
    type: UpdateDomainPayload,
    nullable: false,
    description:
      'Changes a domain. Its administrators change the display name, platform administrators also whether it is active, superadmins all.',
    access: all(scope('domains:write'), any(domainAdmin, admin)),
    args: { input: t.arg({ type: UpdateDomainInput, required: true, description: 'What changes.' }) },
    resolve: (_, { input }, context, info) =>
      write(context, info, async (writing) => {
        const { tx, target, require, audit } = writing;
        const { id } = input.id;
        await target('Domain', id);
        if (input.active != null) require(admin);
        if (input.parent !== undefined) require(superadmin);
        const parentId = input.parent === undefined ? undefined : await above(tx, id, input.parent);
        const { displayName, active } = input;
        const data = {
          ...(displayName != null && { displayName }),
          ...(active != null && { active }),
          ...(parentId !== undefined && { parentId }),
        };
        const domain = await tx.domain.update({ where: { id }, data });
        await audit({ action: 'authz_admin', reason: 'domain updated', domainId: id, target: ['Domain', id], details: data });
        if (active === false) await endEntries(writing, context.client, id, 'DOMAIN_DISABLED');
        return { domain: domain as never };
      }),
  }),
);

/** Ends what was entered through the domain. */
export const endEntries = ({ tx, viewer }: Write, client: Client, domainId: string, reason: 'DOMAIN_DISABLED' | 'DOMAIN_DELETED') =>
  revoke(within(tx), sql`t."domainId" = ${domainId}::uuid`, {
    reason,
    initiator: 'ADMIN',
    actor: { id: viewer.user.id, tokenId: viewer.token.id },
    client,
  });

/** The id of the new parent. Moves take turns, so that no two of them together close a circle. */
async function above(tx: Tx, id: string, name: string | null): Promise<string | null> {
  if (name === null) return null;
  await tx.$queryRaw(sql`select pg_advisory_xact_lock(hashtext('fieldgate.domains'))::text`);
  const parent = await tx.domain.findUnique({ where: { name } });
  if (!parent) throw invalid({ parent: ['no such domain'] });
  const circle = await tx.$queryRaw<unknown[]>(sql`
    with recursive up as (
      select d.id, d."parentId" from "Domain" d where d.id = ${parent.id}::uuid
      union select d.id, d."parentId" from "Domain" d join up on d.id = up."parentId"
    ) select 1 from up where id = ${id}::uuid`);
  if (circle.length > 0) throw invalid({ parent: ['is the domain itself, or below it'] });
  return parent.id;
}
