import { all } from '../access/rule.ts';
import { anyone, scope, superadmin } from '../access/vocabulary.ts';
import { write } from '../access/write.ts';
import { builder } from '../builder.ts';
import { failure, invalid } from '../errors.ts';
import { domainName, label, line } from '../input.ts';
import { Domain } from './domain.ts';
import { heldDomain } from './held-domain.ts';

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
