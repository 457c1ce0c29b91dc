import { all } from '../../authorization/rules/rule.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { lockDomain } from '../../identity/domains/lock-domain.ts';
import { domainName, nonBlankText, singleLineText } from '../../lib/validators.ts';
import { anyone, scope, superadmin } from '../../policy/conditions.ts';
import { Domain } from './domain.ts';

const CreateDomainInput = builder.inputType('CreateDomainInput', {
  description: 'A new domain.',
  fields: (t) => ({
    name: t.string({ required: true, validate: domainName, description: 'The unique name: lower-case letters, digits and hyphens.' }),
    displayName: t.string({ required: true, validate: nonBlankText(120), description: 'The name that people read.' }),
    parent: t.string({ validate: singleLineText(63), description: 'The name of the domain above.' }),
  }),
});

const CreateDomainPayload = builder.simpleObject('CreateDomainPayload', {
  description: 'What comes of creating a domain.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    domain: t.field({ type: Domain, description: 'The domain.' }),
  }),
});

builder.mutationField('createDomain', (t) =>
  t.field({
    type: CreateDomainPayload,
    nullable: false,
    description: 'Creates a domain.',
    access: all(scope('domains:write'), superadmin),
    args: { input: t.arg({ type: CreateDomainInput, required: true, description: 'The domain.' }) },
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, audit }) => {
        const { name, displayName } = input;
        const parent = input.parent == null ? null : await lockDomain(tx, input.parent);
        if (parent === undefined) throw validationError({ parent: ['no such domain'] });
        const data = { name, displayName, parentId: parent?.id ?? null };
        const [domain] = await tx.domain.createManyAndReturn({ data, skipDuplicates: true });
        if (!domain) throw graphqlError('TAKEN', { fields: { name: ['taken'] } });
        await audit({
          action: 'authz_admin',
          reason: 'domain created',
          domainId: domain.id,
          target: ['Domain', domain.id],
          details: data,
        });
        return { domain };
      }),
  }),
);
