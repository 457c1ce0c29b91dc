import { backup } from './backup/backup.ts';
import { restore } from './backup/restore.ts';
import type { Command } from './command.ts';
import { createSuperadmin } from './create-superadmin.ts';
import { doctor } from './doctor/doctor.ts';
import { domainCommands } from './domains.ts';
import { keyCommands } from './keys.ts';
import { restored } from './restored.ts';
import { roleCommands } from './roles.ts';
import { seed } from './seed.ts';
import { tokenCommands } from './tokens.ts';
import { userCommands } from './users.ts';
import { verifyAudit } from './verify-audit.ts';

/** Every command, in the order of the usage. A name has one or two words. */
export const commands: Readonly<Record<string, Command>> = {
  'create-superadmin': createSuperadmin,
  ...keyCommands,
  doctor,
  backup,
  restore,
  restored,
  'verify-audit': verifyAudit,
  seed,
  ...userCommands,
  ...tokenCommands,
  ...roleCommands,
  ...domainCommands,
};
