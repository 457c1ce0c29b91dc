import { encodeGlobalID } from '@pothos/plugin-relay';
import { all, any } from '../access/rule.ts';
import { rowOf } from '../access/verdict.ts';
import { domainAdmin, outranks, scope, self, superadmin } from '../access/vocabulary.ts';
import { builder } from '../builder.ts';
import { RevocationReason, Token, TokenKind } from './token.ts';

const Initiator = builder.enumType('Initiator', {
  description: 'Who brings something about.',
  values: {
    USER: { description: 'The user.' },
    ADMIN: { description: 'An administrator.' },
    POLICY: { description: 'A rule of the server.' },
    SYSTEM: { description: 'The server, on its clock.' },
  } as const,
});

export const TokenRevocation = builder.prismaObject('TokenRevocation', {
  access: all(scope('tokens:read'), any(self, domainAdmin, outranks, superadmin)),
  fields: (t) => ({
    cursor: t.string({ description: 'Where this record stands among all, to go on from.', resolve: (row) => cursorOf(row) }),
    tokenId: t.id({
      description: 'The id of the token that ended: for a session, the `sid` of its access tokens names the same row.',
      resolve: (row) => encodeGlobalID('Token', row.tokenId),
    }),
    sid: t.string({ description: 'The same id as access tokens carry it in `sid`.', resolve: (row) => row.tokenId }),
    kind: t.expose('kind', { type: TokenKind }),
    userId: t.id({ description: 'Whose token it was.', resolve: (row) => encodeGlobalID('User', row.userId) }),
    reason: t.expose('reason', { type: RevocationReason }),
    initiator: t.expose('initiator', { type: Initiator }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime' }),
    token: t.field({
      type: Token,
      description: 'The token, if the viewer may read it.',
      resolve: (row, _, context) => rowOf(context, 'Token', row.tokenId) as never,
    }),
  }),
});

/** Transaction first, then the order within it: numbers from a sequence alone are not in the order of commits. */
const cursorOf = ({ txid, seq }: { txid: bigint | number | string; seq: bigint | number | string }) =>
  Buffer.from(`${txid}.${seq}`).toString('base64url');
