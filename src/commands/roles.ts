import { superadminCommand } from './as-superadmin.ts';
import { callMutation } from './call-mutation.ts';
import { deleteByName } from './delete-by-name.ts';

/** The commands for roles. */
export const roleCommands = {
  'roles create': superadminCommand({
    positionals: ['name'],
    options: ['description', 'permissions'],
    async run(commander, { positionals: [name = ''], options: { description, permissions } }) {
      await callMutation(commander, 'createRole', { name, description, permissions: permissions?.split(',') });
      return `Created the role ${name}.`;
    },
  }),
  'roles delete': deleteByName('Role'),
};
