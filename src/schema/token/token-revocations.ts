import { z } from 'zod';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { formatCursor, resolveCursor } from '../../identity/tokens/revocation-cursor.ts';
import { type Position, type Revocation, readBounds, readRevocations } from '../../identity/tokens/revocation-log.ts';
import { canSee, followRule, type RevocationScope, resolveScope, revocationArgs, scopeWhere } from './revocation-scope.ts';
import { TokenRevocation } from './token-revocation.ts';

const TokenRevocationConnection = builder.connectionObject(
  { type: TokenRevocation, name: 'TokenRevocationConnection', description: 'A page of the revocation log.' },
  { description: 'A record of the revocation log with its cursor.' },
);

const defaultPageSize = 20; // security.md F24
const batchSize = 100; // records read at once
const maxScanned = 1_000; // records scanned for one page; the viewer may see only a few of them

builder.queryField('tokenRevocations', (t) =>
  t.field({
    type: TokenRevocationConnection,
    nullable: false,
    description:
      'The revocation log that `tokenRevoked` streams, oldest first. A page may be shorter than `first` although `hasNextPage` is true.',
    access: followRule,
    args: {
      ...revocationArgs(),
      first: t.arg.int({
        validate: z.int().min(1, 'must be between 1 and 100').max(100, 'must be between 1 and 100'),
        description: 'The number of records. Defaults to 20; maximum 100.',
      }),
    },
    resolve: async (_, { after, first, ...scopeArgs }, context) => {
      const { db, keys } = context;
      const scope = await resolveScope(context, 'Query', scopeArgs);
      const from = after == null ? (await readBounds(db)).first : await resolveCursor(db, keys, after);
      const { records, end, hasNextPage } = await readPage(context, scope, from, first ?? defaultPageSize);
      const edges = records.map((node) => ({ cursor: formatCursor(keys, node), node: node as never }));
      const pageInfo = {
        hasNextPage,
        hasPreviousPage: after != null,
        startCursor: edges[0]?.cursor ?? null,
        endCursor: formatCursor(keys, end),
      };
      return { edges, pageInfo };
    },
  }),
);

/** Reads the next records that the viewer may see, and the position to continue from. Stops early after scanning `maxScanned` records. */
async function readPage(context: Context, scope: RevocationScope, from: Position, size: number) {
  const records: Revocation[] = [];
  let end = from;
  const step = Math.max(batchSize, size + 1);
  for (let scanned = 0; scanned < maxScanned; scanned += step) {
    const batch = await readRevocations(context.db, end, step, scopeWhere(scope));
    const isVisible = await Promise.all(batch.map((record) => canSee(context, record)));
    for (const [index, record] of batch.entries()) {
      if (records.length === size) return { records, end, hasNextPage: true };
      if (isVisible[index]) records.push(record);
      end = record;
    }
    if (batch.length < step) return { records, end, hasNextPage: false };
  }
  return { records, end, hasNextPage: true };
}
