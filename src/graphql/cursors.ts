import type { GraphQLResolveInfo } from 'graphql';
import { validationError } from '../errors.ts';
import { decryptAesGcm, encryptAesGcmDeterministically } from '../identity/keys/encrypt.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { Context } from './context.ts';
import type { Order, Place } from './keyset.ts';

const purpose = 'cursors';
const maxLength = 4_000; // characters; the longest order key, 254 characters of four bytes each, needs 1,500

/** Writes and reads the cursors of one list. */
export interface CursorCodec {
  format(place: Place): string;
  /** The place of a cursor that was given as the argument `name`. Throws INVALID_INPUT for anything but a cursor of this list. */
  parse(cursor: string, name: string): Place;
}

/** What a list is: a cursor of another list, order, filter or caller does not open. */
interface ListIdentity {
  readonly context: Pick<Context, 'keys' | 'viewer'>;
  readonly info: Pick<GraphQLResolveInfo, 'parentType' | 'fieldName'>;
  /** The id of the object that the list belongs to; undefined for a list of the root. */
  readonly parentId: string | undefined;
  readonly order: Order;
  /** The arguments that select the rows. */
  readonly criteria: object;
}

/**
 * The cursors of a list. A cursor is a place, bound to its list and encrypted: cursors end up in URLs and logs, and an order key can be an email
 * address. The same place has the same cursor on every node (docs/decisions/0036).
 */
export function createCursorCodec({ context, info, parentId, order, criteria }: ListIdentity): CursorCodec {
  const { keys, viewer } = context;
  const coordinate = `${info.parentType.name}.${info.fieldName}`;
  const list = JSON.stringify([coordinate, parentId, viewer?.user.id, order.column, order.direction, canonical(criteria)]);
  let key: Buffer | undefined;
  return {
    format: ({ id, key: orderKey }) => {
      key ??= keys.secret(purpose);
      return encryptAesGcmDeterministically(key, list, JSON.stringify([id, orderKey])).toString('base64url');
    },
    parse: (cursor, name) => {
      const encrypted = Buffer.from(cursor.slice(0, maxLength), 'base64url');
      // Buffer ignores what is not base64: a cursor with such characters is not one that this server wrote.
      const isCanonical = encrypted.toString('base64url') === cursor;
      const opened = isCanonical ? decryptAesGcm(keys.secrets(purpose), list, encrypted) : undefined;
      if (opened === undefined) throw validationError({ [name]: ['must be a cursor of this list'] });
      const [id, orderKey] = JSON.parse(opened);
      return { id, key: order.column ? orderKey : undefined };
    },
  };
}

/** The same text for arguments that mean the same: null and an empty filter mean the same as none, and the order of fields means nothing. */
function canonical(criteria: object): string {
  const given = JSON.stringify(criteria, (_, part: unknown) => {
    if (typeof part !== 'object' || part === null) return part ?? undefined;
    return Array.isArray(part) || Object.values(part).some((inner) => inner != null) ? part : undefined;
  });
  return canonicalJson(JSON.parse(given ?? '{}'));
}
