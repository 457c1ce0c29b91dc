import { superadminCommand } from './as-superadmin.ts';
import { callMutation, nodeIdByName } from './call-mutation.ts';

/** A command that deletes the role or domain with a name. */
export const deleteByName = (type: 'Role' | 'Domain') =>
  superadminCommand({
    positionals: ['name'],
    async run(commander, { positionals: [name = ''] }) {
      await callMutation(commander, `delete${type}`, { id: await nodeIdByName(commander, type, name) });
      return `${name} is deleted.`;
    },
  });
