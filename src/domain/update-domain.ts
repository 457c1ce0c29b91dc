import { all, any } from '../access/rule.ts';
import { admin, anyone, domainAdmin, scope, superadmin } from '../access/vocabulary.ts';
import { write } from '../access/write.ts';
import { builder } from '../builder.ts';
import { sql, type Tx } from '../db.ts';
import { invalid } from '../errors.ts';
import { label, line, neverNull } from '../input.ts';
import { Domain } from './domain.ts';
import { endEntries } from './end-entries.ts';
import { heldDomain } from './held-domain.ts';

const UpdateDomainInput = builder.inputType('UpdateDomainInput', {
  description: 'What changes of a domain: what is left out stays.',
  validate: neverNull('displayName', 'active'),
  fields: (t) => ({
    id: t.globalID({ required: true, for: Domain, description: 'The id of the domain.' }),
    displayName: t.string({ validate: label(120), description: 'The name that people read.' }),
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
        const { displayName, active, parent } = input;
        const { id } = input.id;
        if (parent !== undefined) await takeTurns(tx);
        await target('Domain', id);
        if (active != null) require(admin);
        if (parent !== undefined) require(superadmin);
        const parentId = parent == null ? parent : await parentOf(tx, id, parent);
        const data = {
          ...(displayName != null && { displayName }),
          ...(active != null && { active }),
          ...(parentId !== undefined && { parentId }),
        };
        const domain = await tx.domain.update({ where: { id }, data });
        await audit({ action: 'authz_admin', reason: 'domain updated', domainId: id, target: ['Domain', id], details: data });
        if (active === false || (parentId && (await isShut(tx, parentId))))
          await endEntries(writing, context.client, id, 'DOMAIN_DISABLED');
        return { domain };
      }),
  }),
);

/** Of two moves at the same moment the second sees the first, so that together they close no circle. */
const takeTurns = (tx: Tx) => tx.$queryRaw(sql`select pg_advisory_xact_lock(hashtext('fieldgate.domains'))::text`);

/** Whether the domain or one above it is shut: what is shut above is shut below. */
async function isShut(tx: Tx, id: string): Promise<boolean> {
  const shut = await tx.$queryRaw<unknown[]>(sql`
    with recursive up as (
      select d.id, d."parentId", d.active from "Domain" d where d.id = ${id}::uuid
      union select d.id, d."parentId", d.active from "Domain" d join up on d.id = up."parentId"
    ) select 1 from up where not active`);
  return shut.length > 0;
}

/** The id of the domain that is to be the parent of `id`. */
async function parentOf(tx: Tx, id: string, name: string): Promise<string> {
  const parent = await heldDomain(tx, name);
  if (!parent) throw invalid({ parent: ['no such domain'] });
  const circle = await tx.$queryRaw<unknown[]>(sql`
    with recursive up as (
      select d.id, d."parentId" from "Domain" d where d.id = ${parent.id}::uuid
      union select d.id, d."parentId" from "Domain" d join up on d.id = up."parentId"
    ) select 1 from up where id = ${id}::uuid`);
  if (circle.length > 0) throw invalid({ parent: ['is the domain itself, or below it'] });
  return parent.id;
}
