import { parse } from 'graphql';
import { graphqlError } from '../../errors.ts';
import { isStorableText } from '../../lib/parse-json.ts';

const maxCharacters = 16 * 1024; // security.md F21, as is the next
const maxTokens = 1_500;

/** Parses a document. Throws QUERY_TOO_COMPLEX above the limits, INVALID_INPUT for text that the database cannot store, or the syntax error. */
export function parseWithLimits(source: unknown, options: object = {}) {
  const text = String(source);
  if (text.length > maxCharacters) throw rejected('QUERY_TOO_COMPLEX', { limit: 'document' });
  if (!isStorableText(text) || /\\u(?:0000|\{0+\})/.test(text)) throw rejected('INVALID_INPUT');
  try {
    return parse(text, { ...options, maxTokens });
  } catch (error) {
    throw (error as Error).message.includes('Parsing aborted') ? rejected('QUERY_TOO_COMPLEX', { limit: 'tokens' }) : error;
  }
}

const rejected = (code: 'QUERY_TOO_COMPLEX' | 'INVALID_INPUT', extensions = {}) =>
  graphqlError(code, { ...extensions, http: { status: 400, headers: {} } });
