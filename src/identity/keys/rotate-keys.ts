import { randomUUID } from 'node:crypto';
import { type Database, databaseTime, interval, onTransaction, sql, type Tx } from '../../database/database.ts';
import type { SigningKey } from '../../database/generated/prisma/client.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import { type ConfiguredKeys, generateSigningKey } from './configured-keys.ts';
import { encryptPrivateJwk } from './encrypt.ts';
import { importPublic } from './key-pair.ts';
import { keyStates } from './key-states.ts';

/** How long a new key is published before it signs, in milliseconds: by then every resource server has fetched it (security.md F33). */
export const publicationPeriod = 10 * 60_000;

/** All keys with their states, in the order in which they sign. */
export const listKeys = ({ prisma }: Pick<Database, 'prisma'>, configured: ConfiguredKeys) => readStates(prisma as Tx, configured);

/** Creates a key that signs after `delay` milliseconds. Returns its id. */
export const rotateKeys = ({ prisma }: Pick<Database, 'prisma'>, configured: ConfiguredKeys, delay: number) =>
  prisma.$transaction(async (tx) => {
    await lockKeys(tx);
    return addKey(tx, configured, delay, 'rotate-keys');
  });

/**
 * Removes a key, also a configured one: its tokens are no longer accepted. If it was active, a new key replaces it immediately. Returns the id of
 * the replacement, if any; undefined if there is no such key.
 */
export const removeKey = ({ prisma }: Pick<Database, 'prisma'>, configured: ConfiguredKeys, kid: string) =>
  prisma.$transaction(async (tx) => {
    await lockKeys(tx);
    const key = (await readStates(tx, configured)).find((candidate) => candidate.kid === kid);
    if (!key) return undefined;
    if (key.state === 'removed') return { successor: null };
    await tx.$executeRaw(sql`
      insert into "SigningKey" (kid, "removedAt") values (${kid}, now())
      on conflict (kid) do update set "removedAt" = now(), "encryptedPrivateJwk" = null`);
    await recordAuditEvent(tx, commandClient('remove-key'), null, { action: 'sys_key_removed', details: { kid, state: key.state } });
    return { successor: key.state === 'active' ? await addKey(tx, configured, 0, 'remove-key') : null };
  });

/** Removes every key and creates one that signs immediately: tokens of all others are no longer accepted. Returns its id. */
export async function replaceKeys(tx: Tx, configured: ConfiguredKeys, command: string): Promise<string> {
  await lockKeys(tx);
  const kids = (await readStates(tx, configured)).filter(({ state }) => state !== 'removed').map(({ kid }) => kid);
  await tx.$executeRaw(sql`
    insert into "SigningKey" (kid, "removedAt") select kid, now() from unnest(${kids}::text[]) as old (kid)
    on conflict (kid) do update set "removedAt" = now(), "encryptedPrivateJwk" = null`);
  for (const kid of kids) await recordAuditEvent(tx, commandClient(command), null, { action: 'sys_key_removed', details: { kid } });
  return addKey(tx, configured, 0, command);
}

/** Serialized by advisory lock: what a removal does depends on which key is active. */
const lockKeys = (tx: Tx) => tx.$queryRaw(sql`select pg_advisory_xact_lock(hashtextextended('fieldgate.signing-keys', 0))::text`);

async function readStates(tx: Tx, { pairs }: ConfiguredKeys) {
  const rows = await tx.$queryRaw<SigningKey[]>(sql`select kid, "createdAt", "activeFrom", "removedAt" from "SigningKey"`);
  const now = await databaseTime(onTransaction(tx));
  const createdAt = new Map(rows.map((row) => [row.kid, row.createdAt]));
  const configuredKids = pairs.map(({ kid }) => kid);
  return keyStates(configuredKids, rows, now).map((key) => ({
    ...key,
    createdAt: configuredKids.includes(key.kid) ? null : (createdAt.get(key.kid) ?? null),
  }));
}

async function addKey(tx: Tx, { secret }: ConfiguredKeys, delay: number, command: string) {
  const key = await generateSigningKey();
  const { kid, jwk } = await importPublic(key);
  const encrypted = encryptPrivateJwk(secret, kid, JSON.stringify(key));
  await tx.$executeRaw(sql`
    insert into "SigningKey" (kid, "publicJwk", "encryptedPrivateJwk", "createdAt", "activeFrom")
    values (${kid}, ${JSON.stringify(jwk)}::jsonb, ${encrypted}::bytea, now(), clock_timestamp() + ${interval(delay)})`);
  await recordAuditEvent(tx, commandClient(command), null, {
    action: 'sys_key_rotated',
    details: { kid, signsAfterSeconds: delay / 1_000 },
  });
  return kid;
}

const commandClient = (command: string) => ({ network: 'local', agent: command, requestId: randomUUID() });
