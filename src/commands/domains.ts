import { superadminCommand } from './as-superadmin.ts';
import { callMutation, nodeIdByName } from './call-mutation.ts';
import { deleteByName } from './delete-by-name.ts';

const updateDomainCommand = (input: object, message: string) =>
  superadminCommand({
    positionals: ['name'],
    async run(commander, { positionals: [name = ''] }) {
      await callMutation(commander, 'updateDomain', { id: await nodeIdByName(commander, 'Domain', name), ...input });
      return `${name} ${message}.`;
    },
  });

/** The commands for domains. */
export const domainCommands = {
  'domains create': superadminCommand({
    positionals: ['name'],
    options: ['display-name', 'parent'],
    async run(commander, { positionals: [name = ''], options: { parent, 'display-name': displayName = name } }) {
      await callMutation(commander, 'createDomain', { name, displayName, parent });
      return `Created the domain ${name}.`;
    },
  }),
  'domains enable': updateDomainCommand({ active: true }, 'is enabled'),
  'domains disable': updateDomainCommand({ active: false }, 'is disabled'),
  'domains delete': deleteByName('Domain'),
};
