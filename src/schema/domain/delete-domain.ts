import { encodeGlobalID } from '@pothos/plugin-relay';
import { all } from '../../authorization/rules/rule.ts';
import type { Tx } from '../../database/database.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { grantsWithin } from '../../identity/domains/domain-tree.ts';
import { revokeDomainSessions } from '../../identity/domains/revoke-domain-sessions.ts';
import { scope, superadmin } from '../../policy/conditions.ts';
import { Domain } from './domain.ts';

builder.relayMutationField(
  'deleteDomain',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: Domain, description: 'ID of the domain.' }) }) },
  {
    description: 'Deletes a domain without child domains, including all grants in it, and revokes the sessions that entered it.',
    access: all(scope('domains:write'), superadmin),
    target: 'Domain',
    resolve: (_, { input }, context, info) => {
      const { id } = input.id;
      const remove = async (mutation: MutationScope) => {
        const { tx, lockTarget, audit } = mutation;
        await lockTarget(id);
        const { name } = await tx.domain.findUniqueOrThrow({ where: { id } });
        if (name === context.config.DEFAULT_DOMAIN)
          throw validationError({ id: ['must not be the default domain of new users (DEFAULT_DOMAIN)'] });
        if (await tx.domain.findFirst({ where: { parentId: id } })) throw validationError({ id: ['must not have child domains'] });
        await revokeDomainSessions(mutation, context, id, 'DOMAIN_DELETED');
        await tx.domain.delete({ where: { id } });
        await audit({
          action: 'authz_admin',
          reason: 'domain deleted',
          domainId: id,
          target: { type: 'Domain', id },
          details: { name },
        });
        return { deletedId: encodeGlobalID('Domain', id) };
      };
      const lockAlso = async (tx: Tx) => ({ tree: 'update' as const, changedGrants: await grantsWithin(tx, id) });
      return runMutation(context, info, remove, lockAlso);
    },
  },
  { outputFields: (t) => ({ deletedId: t.exposeID('deletedId', { nullable: false, description: 'ID of the deleted domain.' }) }) },
);
