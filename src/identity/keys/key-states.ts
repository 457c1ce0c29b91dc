import { maxAccessTokenTtl } from '../../config.ts';
import type { SigningKey } from '../../database/generated/prisma/client.ts';

/**
 * A signing key is published before it signs, active while it signs, retiring while its tokens are still accepted, then retired. A removed key is
 * not accepted from the moment of its removal.
 */
type KeyState = 'published' | 'active' | 'retiring' | 'retired' | 'removed';

type KeyTimes = Pick<SigningKey, 'kid' | 'activeFrom' | 'removedAt'>;

/** A key with its state. `activeFrom` is null for configured keys, which precede those of the database. */
export interface KeyWithState extends KeyTimes {
  readonly state: KeyState;
  /** Until when its tokens are accepted; null while no successor is known. */
  readonly acceptedUntil: Date | null;
}

/** The condition of SQL for a key of the database that signs or has signed: then JWT_KEYS is no longer used. */
export const hasSigned = '"publicJwk" is not null and "removedAt" is null and "activeFrom" <= now()';

/** The same for a row. */
export const hasRowSigned = (
  { publicJwk, removedAt, activeFrom }: { publicJwk: unknown; removedAt: unknown; activeFrom: Date | null },
  now: Date,
) => publicJwk !== null && removedAt === null && activeFrom !== null && activeFrom <= now;

// Milliseconds: the lifetime of the last token (security.md F6), 5 s of clock skew, and 5 s in which a node may still sign with the old key.
const retirement = (maxAccessTokenTtl + 5 + 5) * 1_000;

/**
 * The states of all keys: the configured ones in their order, then those of the database in the order in which they sign. The last key whose
 * time has come is active; earlier ones are accepted until their last token has expired (security.md F33).
 */
export function keyStates(configuredKids: readonly string[], rows: readonly KeyTimes[], now: Date): KeyWithState[] {
  const removedAt = new Map(rows.map((row) => [row.kid, row.removedAt]));
  const rotated = rows.filter(({ activeFrom }) => activeFrom !== null).sort((one, other) => startOf(one) - startOf(other));
  const configured = configuredKids.map((kid) => ({ kid, activeFrom: null, removedAt: removedAt.get(kid) ?? null }));
  const keys: KeyTimes[] = [...configured, ...rotated];
  const active = findActive(keys, now);
  return keys.map((key) => ({ ...key, ...stateOf(key, rotated, active, now) }));
}

/** The last key of the database whose time has come; else the first configured one. */
function findActive(keys: readonly KeyTimes[], now: Date): KeyTimes | undefined {
  const usable = keys.filter((key) => !key.removedAt && startOf(key) <= now.getTime());
  return usable.findLast(({ activeFrom }) => activeFrom) ?? usable[0];
}

function stateOf(
  key: KeyTimes,
  rotated: readonly KeyTimes[],
  active: KeyTimes | undefined,
  now: Date,
): Pick<KeyWithState, 'state' | 'acceptedUntil'> {
  if (key.removedAt) return { state: 'removed', acceptedUntil: key.removedAt };
  if (startOf(key) > now.getTime()) return { state: 'published', acceptedUntil: null };
  // A key that was removed before it signed has replaced no other.
  const successor = rotated.find(
    (other) => startOf(other) > startOf(key) && (!other.removedAt || other.removedAt.getTime() > startOf(other)),
  );
  const acceptedUntil = successor ? new Date(startOf(successor) + retirement) : null;
  if (acceptedUntil && acceptedUntil <= now) return { state: 'retired', acceptedUntil };
  return { state: key === active ? 'active' : 'retiring', acceptedUntil };
}

const startOf = ({ activeFrom }: KeyTimes) => activeFrom?.getTime() ?? Number.NEGATIVE_INFINITY;
