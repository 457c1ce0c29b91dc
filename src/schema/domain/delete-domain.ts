import { encodeGlobalID } from '@pothos/plugin-relay';
import { all } from '../../authorization/rules/rule.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revokeDomainSessions } from '../../identity/domains/revoke-domain-sessions.ts';
import { scope, superadmin } from '../../policy/conditions.ts';
import { Domain } from './domain.ts';

builder.relayMutationField(
  'deleteDomain',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: Domain, description: 'The id of the domain.' }) }) },
  {
    description: 'Deletes a domain without children, with all grants in it; what was entered through it ends.',
    access: all(scope('domains:write'), superadmin),
    target: 'Domain',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async (writing) => {
        const { tx, lockTarget, audit } = writing;
        const { id } = input.id;
        await lockTarget(id);
        const { name } = await tx.domain.findUniqueOrThrow({ where: { id } });
        if (name === context.config.DEFAULT_DOMAIN) throw validationError({ id: ['new users enter it: DEFAULT_DOMAIN'] });
        if (await tx.domain.findFirst({ where: { parentId: id } })) throw validationError({ id: ['has domains below it'] });
        await revokeDomainSessions(writing, context, id, 'DOMAIN_DELETED');
        await tx.domain.delete({ where: { id } });
        await audit({
          action: 'authz_admin',
          reason: 'domain deleted',
          domainId: id,
          target: { type: 'Domain', id },
          details: { name },
        });
        return { deletedId: encodeGlobalID('Domain', id) };
      }),
  },
  { outputFields: (t) => ({ deletedId: t.exposeID('deletedId', { nullable: false, description: 'The id that the domain had.' }) }) },
);
