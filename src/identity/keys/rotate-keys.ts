import { randomUUID } from 'node:crypto';
import { type Database, interval, sql, type Tx } from '../../database/database.ts';
import type { SigningKey } from '../../database/generated/prisma/client.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import { type ConfiguredKeys, generateSigningKey } from './configured-keys.ts';
import { encrypt } from './encrypt.ts';
import { importPublic } from './key-pair.ts';
import { keyStates } from './key-states.ts';

/** How long a new key is published before it signs, in milliseconds: whoever verifies has fetched it by then (security.md F33). */
export const publishedAhead = 10 * 60_000;

/** Every key and what becomes of it, in the order in which they sign. */
export const listKeys = ({ prisma }: Pick<Database, 'prisma'>, configured: ConfiguredKeys) => statesIn(prisma as Tx, configured);

/** Makes a key that signs in `after` milliseconds. Answers its id. */
export const rotateKeys = ({ prisma }: Pick<Database, 'prisma'>, configured: ConfiguredKeys, after: number) =>
  prisma.$transaction(async (tx) => {
    await inTurn(tx);
    return addKey(tx, configured, after, 'rotate-keys');
  });

/**
 * Removes a key for good, one of the setting too: nothing that it signed is accepted any more. Where it was the one that signs, a new one
 * signs at once. Answers the id of the new one, if any; undefined where there is no such key.
 */
export const removeKey = ({ prisma }: Pick<Database, 'prisma'>, configured: ConfiguredKeys, kid: string) =>
  prisma.$transaction(async (tx) => {
    await inTurn(tx);
    const key = (await statesIn(tx, configured)).find((one) => one.kid === kid);
    if (!key) return undefined;
    if (key.state === 'removed') return { successor: null };
    const removal = sql`
      insert into "SigningKey" (kid, "removedAt") values (${kid}, now())
      on conflict (kid) do update set "removedAt" = now(), sealed = null`;
    await tx.$executeRaw(removal);
    await recordAuditEvent(tx, clientOf('remove-key'), null, { action: 'sys_key_removed', details: { kid, state: key.state } });
    return { successor: key.state === 'signs' ? await addKey(tx, configured, 0, 'remove-key') : null };
  });

/** One change after the other: which key signs decides what a removal does. */
const inTurn = (tx: Tx) => tx.$queryRaw(sql`select pg_advisory_xact_lock(hashtextextended('fieldgate.signing-keys', 0))::text`);

async function statesIn(tx: Tx, { pairs }: ConfiguredKeys) {
  const rows = await tx.$queryRaw<SigningKey[]>(sql`select kid, "createdAt", "signsFrom", "removedAt" from "SigningKey"`);
  const [{ now } = { now: new Date() }] = await tx.$queryRaw<{ now: Date }[]>(sql`select clock_timestamp() as now`);
  const made = new Map(rows.map((row) => [row.kid, row.createdAt]));
  const configured = pairs.map(({ kid }) => kid);
  return keyStates(configured, rows, now).map((key) => ({
    ...key,
    createdAt: configured.includes(key.kid) ? null : (made.get(key.kid) ?? null),
  }));
}

async function addKey(tx: Tx, { secret }: ConfiguredKeys, after: number, agent: string) {
  const key = await generateSigningKey();
  const { kid, jwk } = await importPublic(key);
  const sealed = encrypt(secret('signing keys'), `SigningKey.sealed ${kid}`, JSON.stringify(key));
  await tx.$executeRaw(sql`
    insert into "SigningKey" (kid, jwk, sealed, "createdAt", "signsFrom")
    values (${kid}, ${JSON.stringify(jwk)}::jsonb, ${sealed}::bytea, now(), clock_timestamp() + ${interval(after)})`);
  await recordAuditEvent(tx, clientOf(agent), null, { action: 'sys_key_rotated', details: { kid, signsAfterSeconds: after / 1_000 } });
  return kid;
}

const clientOf = (agent: string) => ({ network: 'local', agent, requestId: randomUUID() });
