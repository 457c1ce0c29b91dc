import { parse } from 'graphql';
import { graphqlError } from '../../errors.ts';
import { isStorableText } from '../../lib/parse-json.ts';

const mostDocument = { characters: 16 * 1024, tokens: 1_500 }; // security.md F21

/** Parses a document within its bounds. Throws QUERY_TOO_COMPLEX beyond them, INVALID_INPUT for text that no database takes, or the syntax error. */
export function parseWithLimits(source: unknown, options: object = {}) {
  const text = String(source);
  if (text.length > mostDocument.characters) throw refusal('QUERY_TOO_COMPLEX', { limit: 'document' });
  if (!isStorableText(text) || /\\u(?:0000|\{0+\})/.test(text)) throw refusal('INVALID_INPUT');
  try {
    return parse(text, { ...options, maxTokens: mostDocument.tokens });
  } catch (error) {
    throw (error as Error).message.includes('Parsing aborted') ? refusal('QUERY_TOO_COMPLEX', { limit: 'tokens' }) : error;
  }
}

const refusal = (code: 'QUERY_TOO_COMPLEX' | 'INVALID_INPUT', extensions = {}) =>
  graphqlError(code, { ...extensions, http: { status: 400, headers: {} } });
