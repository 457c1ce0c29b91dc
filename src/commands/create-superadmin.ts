import { randomUUID } from 'node:crypto';
import { databaseTime } from '../database/database.ts';
import { createAccount, validateAccount } from '../identity/accounts/create-account.ts';
import { emailKey } from '../lib/email-address.ts';
import { type DatabaseCommand, exitCodes } from './command.ts';
import { readPassword } from './read-password.ts';

/** Creates an account with a password and the global role SUPERADMIN. */
export const createSuperadmin: DatabaseCommand = {
  description: ['creates a superadmin; prompts for the password, or reads it as one line', 'from standard input'],
  positionals: ['email'],
  async readInput({ positionals: [email = ''] }) {
    if (emailKey(email) === undefined) throw new Error(`${email} is not a valid email address.`);
    return readPassword();
  },
  async run({ config, db, print }, { positionals: [email = ''] }, password) {
    const faults = validateAccount(config, { email, password }).password ?? [];
    if (faults.length > 0) throw new Error(faults.map((fault) => `The password ${fault}.`).join('\n'));
    const by = { client: { network: 'local', agent: 'create-superadmin', requestId: randomUUID() }, viewer: null };
    // Access to the server counts as confirmation of the address.
    const account = { email, password, role: 'SUPERADMIN', profile: { emailConfirmedAt: await databaseTime(db) } };
    const id = await createAccount(db, by, account);
    if (id === null) {
      throw new Error(`${email} already has an account. Create the superadmin with another address, and grant SUPERADMIN to this account.`);
    }
    print(`${email} is a superadmin.`);
    return exitCodes.done;
  },
};
