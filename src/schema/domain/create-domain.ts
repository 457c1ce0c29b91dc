import { all } from '../../authorization/rules/rule.ts';
import type { Tx } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type CreationScope, idempotencyKeyField, runCreation } from '../../graphql/idempotency.ts';
import { domainIds, lockDomain } from '../../identity/domains/lock-domain.ts';
import { domainName, nonBlankText, singleLineText } from '../../lib/validators.ts';
import { scope, superadmin } from '../../policy/conditions.ts';
import { Domain } from './domain.ts';

builder.relayMutationField(
  'createDomain',
  {
    inputFields: (t) => ({
      name: t.string({ required: true, validate: domainName, description: 'Unique name of lower-case letters, digits and hyphens.' }),
      displayName: t.string({ required: true, validate: nonBlankText(120), description: 'Name for display.' }),
      parent: t.string({ validate: singleLineText(63), description: 'Name of the parent domain. Defaults to none.' }),
      idempotencyKey: idempotencyKeyField(t),
    }),
  },
  {
    description: 'Creates a domain.',
    access: all(scope('domains:write'), superadmin),
    resolve: (_, { input }, context, info) => {
      const create = async ({ tx, audit }: CreationScope) => {
        const { name, displayName } = input;
        const parent = input.parent == null ? null : await lockDomain(tx, input.parent);
        if (parent === undefined) throw validationError({ parent: ['must be an existing domain'] });
        const data = { name, displayName, parentId: parent?.id ?? null };
        const [domain] = await tx.domain.createManyAndReturn({ data, skipDuplicates: true });
        if (!domain) throw graphqlError('TAKEN', { fields: { name: ['must not be in use already'] } });
        await audit({
          action: 'authz_admin',
          reason: 'domain created',
          domainId: domain.id,
          target: { type: 'Domain', id: domain.id },
          details: data,
        });
        return { domain };
      };
      const lockAlso = async (tx: Tx) => ({ tree: 'share' as const, domains: await domainIds(tx, input.parent) });
      return runCreation(context, info, { model: 'Domain', input }, create, lockAlso);
    },
  },
  { outputFields: (t) => ({ domain: t.expose('domain', { type: Domain, description: 'The created domain.' }) }) },
);
