import { all } from '../../authorization/rules/rule.ts';
import { anyone, scope, superadmin } from '../../policy/conditions.ts';
import { write } from '../../graphql/mutation.ts';
import { builder } from '../../graphql/builder.ts';
import { failure, invalid } from '../../errors.ts';
import { domainName, label, line } from '../../lib/validators.ts';
import { Domain } from './domain.ts';
import { heldDomain } from '../../identity/domains/lock-domain.ts';

const CreateDomainInput = builder.inputType('CreateDomainInput', {
  description: 'A new domain.',
  fields: (t) => ({
    name: t.string({ required: true, validate: domainName, description: 'The unique name: lower-case letters, digits and hyphens.' }),
    displayName: t.string({ required: true, validate: label(120), description: 'The name that people read.' }),
    parent: t.string({ validate: line(63), description: 'The name of the domain above.' }),
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
      write(context, info, async ({ tx, audit }) => {
        const { name, displayName } = input;
        const parent = input.parent == null ? null : await heldDomain(tx, input.parent);
        if (parent === undefined) throw invalid({ parent: ['no such domain'] });
        const data = { name, displayName, parentId: parent?.id ?? null };
        const [domain] = await tx.domain.createManyAndReturn({ data, skipDuplicates: true });
        if (!domain) throw failure('TAKEN', { fields: { name: ['taken'] } });
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
