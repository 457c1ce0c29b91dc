import { encodeGlobalID } from '@pothos/plugin-relay';
import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { formatCursor } from '../../identity/tokens/revocation-cursor.ts';
import type { Revocation } from '../../identity/tokens/revocation-log.ts';
import { domainAdmin, may, owner, scope } from '../../policy/conditions.ts';
import { User } from '../user/user.ts';
import { caepEventOf, SecurityEvent } from './caep-event.ts';
import { RevocationReason, Token, TokenKind } from './token.ts';

const Initiator = builder.enumType('Initiator', {
  description: 'The kind of actor that caused a revocation.',
  values: {
    USER: { description: 'The owner of the token.' },
    ADMIN: { description: 'An administrator.' },
    POLICY: { description: 'A security policy of the server.' },
    SYSTEM: { description: 'A scheduled job of the server.' },
  } as const,
});

/** Lets a resource server follow the revocations of all users. */
export const followsAll = all(scope('tokens:follow'), may('tokens:follow'));

export const TokenRevocation = builder.prismaObject('TokenRevocation', {
  access: any(all(scope('tokens:read'), any(owner, domainAdmin)), followsAll),
  fields: (t) => ({
    cursor: t.string({
      description: 'The position of this record in the log, to resume from. It is encrypted: it tells nothing about the records of others.',
      resolve: (row, _, { keys }) => formatCursor(keys, row as unknown as Revocation),
    }),
    tokenId: t.id({
      description: 'ID of the revoked token.',
      resolve: (row) => encodeGlobalID('Token', row.tokenId),
    }),
    sid: t.string({
      description: 'The raw ID of the revoked token, equal to the `sid` claim of the access tokens of a session.',
      resolve: (row) => row.tokenId,
    }),
    kind: t.expose('kind', { type: TokenKind }),
    userId: t.id({ description: 'ID of the owner of the token.', resolve: (row) => encodeGlobalID('User', row.userId) }),
    reason: t.expose('reason', { type: RevocationReason }),
    event: t.field({
      type: SecurityEvent,
      description: 'The CAEP event type.',
      resolve: ({ reason }) => caepEventOf[reason],
    }),
    initiator: t.expose('initiator', { type: Initiator }),
    actor: t.field({
      type: User,
      description: 'The user who caused the revocation, or null if there was none or the viewer may not see them.',
      resolve: (row, _, context) => loadVisible(context, 'User', row.actorId),
    }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime' }),
    token: t.field({
      type: Token,
      description: 'The token, or null if the viewer may not read it.',
      resolve: (row, _, context) => loadVisible(context, 'Token', row.tokenId),
    }),
  }),
});
