import { purgeTokens } from '../identity/tokens/purge-tokens.ts';
import { superadminCommand } from './as-superadmin.ts';

/** The commands for sessions and API tokens. */
export const tokenCommands = {
  'tokens purge': superadminCommand({
    positionals: [],
    run: async ({ db }) => `Deleted ${await purgeTokens(db)} tokens that expired or were revoked more than 30 days ago.`,
  }),
};
