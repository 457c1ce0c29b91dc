import { z } from 'zod';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import {
  formatCursor,
  type Position,
  type Revocation,
  readBounds,
  readRevocations,
  resolveCursor,
} from '../../identity/tokens/revocation-log.ts';
import { canSee, followRule, type RevocationScope, resolveScope, revocationArgs, scopeWhere } from './revocation-scope.ts';
import { TokenRevocation } from './token-revocation.ts';

const TokenRevocationConnection = builder.connectionObject(
  { type: TokenRevocation, name: 'TokenRevocationConnection', description: 'A page of the log of revocations.' },
  { description: 'A record of the log, and where it stands.' },
);

const pageSize = 20; // security.md F24
const together = 100; // records that are read at once
const most = 1_000; // records that one page looks at, of which the viewer may know of few

builder.queryField('tokenRevocations', (t) =>
  t.field({
    type: TokenRevocationConnection,
    nullable: false,
    description:
      'The log of revocations, oldest first, from where `after` stands or from the oldest that is kept: what `tokenRevoked` streams. A page can hold less than was asked for while more follow.',
    access: followRule,
    args: {
      ...revocationArgs(),
      first: t.arg.int({
        validate: z.int().min(1, '1 to 100').max(100, '1 to 100'),
        description: 'How many records; 20 unless said, at most 100.',
      }),
    },
    resolve: async (_, { after, first, ...wanted }, context) => {
      const scope = await resolveScope(context, 'Query', wanted);
      const from = after == null ? (await readBounds(context.db)).first : await resolveCursor(context.db, after);
      const { records, end, hasNextPage } = await pageOf(context, scope, from, first ?? pageSize);
      const edges = records.map((node) => ({ cursor: formatCursor(node), node: node as never }));
      const pageInfo = { hasNextPage, hasPreviousPage: after != null, startCursor: edges[0]?.cursor ?? null, endCursor: formatCursor(end) };
      return { edges, pageInfo };
    },
  }),
);

/** The next records that the viewer may know of, and where to go on; it ends where it has looked at many, whoever may know of them. */
async function pageOf(context: Context, scope: RevocationScope, from: Position, size: number) {
  const records: Revocation[] = [];
  let end = from;
  const step = Math.max(together, size + 1);
  for (let looked = 0; looked < most; looked += step) {
    const read = await readRevocations(context.db, end, step, scopeWhere(scope));
    const heard = await Promise.all(read.map((record) => canSee(context, record)));
    for (const [index, record] of read.entries()) {
      if (records.length === size) return { records, end, hasNextPage: true };
      if (heard[index]) records.push(record);
      end = record;
    }
    if (read.length < step) return { records, end, hasNextPage: false };
  }
  return { records, end, hasNextPage: true };
}
