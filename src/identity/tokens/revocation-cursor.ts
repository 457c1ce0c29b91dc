import type { Database } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import { decryptAesGcm, encryptAesGcm, encryptAesGcmDeterministically } from '../keys/encrypt.ts';
import { isBefore, type Position, readBounds } from './revocation-log.ts';

const purpose = 'revocation cursors';
const digits = 19; // of the largest bigint: the length of a cursor says nothing about the length of the log

/** The cursors that were formatted: all subscribers are sent the same positions, and encryption takes longer than the rest of an event. */
const formatted = new WeakMap<Position, string>();

/**
 * The cursor of a position: encrypted, so that it tells no one how many tokens others have ended. The same for every reader on every node
 * (docs/revocations.md).
 */
export function formatCursor(keys: Pick<KeyStore, 'secret'>, position: Position): string {
  const known = formatted.get(position);
  if (known) return known;
  const cursor = encryptAesGcmDeterministically(keys.secret(purpose), purpose, textOf(position)).toString('base64url');
  formatted.set(position, cursor);
  return cursor;
}

/**
 * Another cursor of a position every time. For what a reader is sent without an event: equal cursors would show when there was none of
 * others either.
 */
export const formatUnlinkableCursor = (keys: Pick<KeyStore, 'secret'>, position: Position): string =>
  encryptAesGcm(keys.secret(purpose), purpose, textOf(position)).toString('base64url');

const textOf = ({ position, seq }: Position) => [position, seq].map((number) => String(number).padStart(digits, '0')).join('.');

/** The position of a cursor. Throws INVALID_INPUT for anything else. */
export function parseCursor(keys: Pick<KeyStore, 'secrets'>, cursor: string): Position {
  const encrypted = Buffer.from(cursor, 'base64url');
  // Buffer ignores what is not base64: a cursor with such characters is not one that this server wrote.
  const text = encrypted.toString('base64url') === cursor ? decryptAesGcm(keys.secrets(purpose), purpose, encrypted) : undefined;
  if (text === undefined) throw validationError({ after: ['must be a cursor of the revocation log'] });
  const [position = '', seq = ''] = text.split('.');
  return { position: BigInt(position), seq: BigInt(seq) };
}

/**
 * The position of a cursor to continue from. Throws CURSOR_EXPIRED with the oldest valid cursor if entries after it were purged, or if the cursor is
 * after the end of the log: then the database was restored from a backup, and entries are missing.
 */
export async function resolveCursor(
  db: Pick<Database, 'query'>,
  keys: Pick<KeyStore, 'secret' | 'secrets'>,
  cursor: string,
): Promise<Position> {
  const position = parseCursor(keys, cursor);
  const { first, last } = await readBounds(db);
  if (isBefore(position, first) || isBefore(last, position)) throw graphqlError('CURSOR_EXPIRED', { oldest: formatCursor(keys, first) });
  return position;
}
