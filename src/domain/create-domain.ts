import { all } from '../access/rule.ts';
import { anyone, scope, superadmin } from '../access/vocabulary.ts';
import { write } from '../access/write.ts';
import { builder } from '../builder.ts';
import { failure, invalid } from '../errors.ts';
import { domainName, line } from '../input.ts';
import { Domain } from './domain.ts';

const CreateDomainInput = builder.inputType('CreateDomainInput', {
  description: 'A new domain.',
  fields: (t) => ({
    name: t.string({ required: true, validate: domainName, description: 'The unique name: lower-case letters, digits and hyphens.' }),
    displayName: t.string({ required: true, validate: line(120).min(1, 'not empty'), description: 'The name that people read.' }),
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
        if (await tx.domain.findUnique({ where: { name } })) throw failure('TAKEN', { fields: { name: ['taken'] } });
        const parent = input.parent == null ? null : await tx.domain.findUnique({ where: { name: input.parent } });
        if (input.parent != null && !parent) throw invalid({ parent: ['no such domain'] });
        const domain = await tx.domain.create({ data: { name, displayName, parentId: parent?.id ?? null } });
        await audit({
          action: 'authz_admin',
          reason: 'domain created',
          domainId: domain.id,
          target: ['Domain', domain.id],
          details: { name },
        });
        return { domain: domain as never };
      }),
  }),
);
