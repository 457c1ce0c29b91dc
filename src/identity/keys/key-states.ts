import { maxAccessTokenTtl } from '../../config.ts';
import type { SigningKey } from '../../database/generated/prisma/client.ts';

/** What becomes of a signing key: published, signing, still accepted, no longer accepted because it is old, or removed. */
type KeyState = 'next' | 'signs' | 'verifies' | 'retired' | 'removed';

/** A key with its place in time. `signsFrom` is null for those of the setting, which are the first ones. */
export interface KeyWithState extends Pick<SigningKey, 'kid' | 'signsFrom' | 'removedAt'> {
  readonly state: KeyState;
  /** Until when its tokens are accepted, where that is known. */
  readonly until: Date | null;
}

type Row = Pick<SigningKey, 'kid' | 'signsFrom' | 'removedAt'>;

// The longest life of an access token (security.md F6), 5 s between two clocks, and 5 s in which a node may still sign with the old key.
const keptAfter = (maxAccessTokenTtl + 5 + 5) * 1_000;

/**
 * The state of every key: those of the setting, in its order, then those of the database by when they sign. What signs is the last one
 * whose time has come; what came before it is kept until the last of its tokens has ended (security.md F33).
 */
export function keyStates(configured: readonly string[], rows: readonly Row[], now: Date): KeyWithState[] {
  const removed = new Map(rows.map((row) => [row.kid, row.removedAt]));
  const rotated = rows.filter(({ signsFrom }) => signsFrom !== null).sort((one, other) => when(one) - when(other));
  const all: Row[] = [...configured.map((kid) => ({ kid, signsFrom: null, removedAt: removed.get(kid) ?? null })), ...rotated];
  const signing = signingOf(all, now);
  return all.map((key) => ({ ...key, ...placeOf(key, rotated, signing, now) }));
}

/** Of those of the setting the first one signs, of those of the database the last one. */
function signingOf(keys: readonly Row[], now: Date): Row | undefined {
  const live = keys.filter((key) => !key.removedAt && when(key) <= now.getTime());
  return live.findLast(({ signsFrom }) => signsFrom) ?? live[0];
}

function placeOf(key: Row, rotated: readonly Row[], signing: Row | undefined, now: Date): Pick<KeyWithState, 'state' | 'until'> {
  if (key.removedAt) return { state: 'removed', until: key.removedAt };
  if (when(key) > now.getTime()) return { state: 'next', until: null };
  // A key that was removed before it ever signed is nobody's successor.
  const successor = rotated.find((other) => when(other) > when(key) && (!other.removedAt || other.removedAt.getTime() > when(other)));
  const until = successor ? new Date(when(successor) + keptAfter) : null;
  if (until && until <= now) return { state: 'retired', until };
  return { state: key === signing ? 'signs' : 'verifies', until };
}

const when = ({ signsFrom }: Row) => signsFrom?.getTime() ?? Number.NEGATIVE_INFINITY;
