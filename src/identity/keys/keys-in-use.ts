import { randomUUID } from 'node:crypto';
import { type Database, sql, type Tx } from '../../database/database.ts';
import { Prisma } from '../../database/generated/prisma/client.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import type { ConfiguredKeys } from './configured-keys.ts';
import { hasSigned } from './key-states.ts';

type Setting = keyof ConfiguredKeys['fingerprints'];

/**
 * Makes sure that this node has the keys that the other nodes use, and records its first keys as those in use. Throws an error that names the
 * setting if it does not have them. Of nodes that start at the same time on a new database with different keys, the first one decides.
 */
export const claimKeys = ({ prisma }: Pick<Database, 'prisma'>, configured: ConfiguredKeys) =>
  prisma.$transaction(async (tx) => {
    if (!(await claim(tx, 'ENCRYPTION_KEYS', configured))) rejectKeys('ENCRYPTION_KEYS');
    if (!(await claim(tx, 'JWT_KEYS', configured)) && !(await hasRotated(tx))) rejectKeys('JWT_KEYS');
  });

/** Records the configured keys as those in use, whatever was used before: for keys that are lost. */
export const replaceKeysInUse = ({ prisma }: Pick<Database, 'prisma'>, configured: ConfiguredKeys) =>
  prisma.$transaction(async (tx) => {
    await tx.$executeRaw(sql`delete from "KeyInUse"`);
    await claim(tx, 'ENCRYPTION_KEYS', configured);
    await claim(tx, 'JWT_KEYS', configured);
    const client = { network: 'local', agent: 'accept-keys', requestId: randomUUID() };
    await recordAuditEvent(tx, client, null, { action: 'sys_keys_accepted' });
  });

/**
 * Atomic: a single conditional statement. A concurrent claim waits for it and is then compared with its key. A key that was replaced does not come
 * back: during a rotation, a node that still has it first starts as well, and must not undo the rotation for nodes that no longer have it.
 */
async function claim(tx: Tx, setting: Setting, { fingerprints }: ConfiguredKeys): Promise<boolean> {
  const [first, ...others] = fingerprints[setting];
  const known = sql`array[${first}::bytea]${others.reduce((list, other) => sql`${list} || ${other}::bytea`, sql``)}`;
  const isNew = sql`k.fingerprint <> excluded.fingerprint and excluded.fingerprint <> all(k.replaced)`;
  const claimed = await tx.$executeRaw(sql`
    insert into "KeyInUse" as k (setting, fingerprint) values (${setting}, ${first}::bytea)
    on conflict (setting) do update set
      fingerprint = case when ${isNew} then excluded.fingerprint else k.fingerprint end,
      replaced = case when ${isNew} then k.replaced || k.fingerprint else k.replaced end,
      "changedAt" = case when ${isNew} then now() else k."changedAt" end
    where k.fingerprint = any(${known})`);
  return claimed > 0;
}

/** True if a key of the database signs: then the nodes use JWT_KEYS no longer, and a removed key must be replaceable by another one. */
async function hasRotated(tx: Tx): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>(sql`
    select from "SigningKey" where ${Prisma.raw(hasSigned)} limit 1`);
  return rows.length > 0;
}

function rejectKeys(setting: Setting): never {
  throw new Error(
    `Setting ${setting}: does not contain the key that the other nodes use. Give all nodes the same keys. To replace a key: Add the new key at the end of the list on all nodes, then move it to the front. If the old key is lost, see docs/operations.md.`,
  );
}
