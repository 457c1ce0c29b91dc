import { encodeGlobalID } from '@pothos/plugin-relay';
import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { formatCursor, type Revocation } from '../../identity/tokens/revocation-log.ts';
import { domainAdmin, may, owner, scope } from '../../policy/conditions.ts';
import { User } from '../user/user.ts';
import { caepEventOf, SecurityEvent } from './caep-event.ts';
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

/** What a resource server is permitted, to follow whatever ends. */
export const followsAll = all(scope('tokens:follow'), may('tokens:follow'));

export const TokenRevocation = builder.prismaObject('TokenRevocation', {
  access: any(all(scope('tokens:read'), any(owner, domainAdmin)), followsAll),
  fields: (t) => ({
    cursor: t.string({
      description: 'Where this record stands among all, to go on from.',
      resolve: (row) => formatCursor(row as unknown as Revocation),
    }),
    tokenId: t.id({
      description: 'The id of the token that ended: for a session, the `sid` of its access tokens names the same row.',
      resolve: (row) => encodeGlobalID('Token', row.tokenId),
    }),
    sid: t.string({ description: 'The same id as access tokens carry it in `sid`.', resolve: (row) => row.tokenId }),
    kind: t.expose('kind', { type: TokenKind }),
    userId: t.id({ description: 'Whose token it was.', resolve: (row) => encodeGlobalID('User', row.userId) }),
    reason: t.expose('reason', { type: RevocationReason }),
    event: t.field({
      type: SecurityEvent,
      description: 'What others call such an event.',
      resolve: ({ reason }) => caepEventOf[reason],
    }),
    initiator: t.expose('initiator', { type: Initiator }),
    actor: t.field({
      type: User,
      description: 'Who brought it about, if that was somebody of whom the viewer may know.',
      resolve: (row, _, context) => loadVisible(context, 'User', row.actorId) as never,
    }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime' }),
    token: t.field({
      type: Token,
      description: 'The token, if the viewer may read it.',
      resolve: (row, _, context) => loadVisible(context, 'Token', row.tokenId) as never,
    }),
  }),
});
