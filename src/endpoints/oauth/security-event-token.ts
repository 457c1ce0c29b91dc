import { SignJWT } from 'jose';
import type { AppServices } from '../../graphql/context.ts';
import type { Revocation } from '../../identity/tokens/revocation-log.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { caepEventOf } from '../../schema/token/caep-event.ts';

const caepEventPrefix = 'https://schemas.openid.net/secevent/caep/event-type/';
const ssfEventPrefix = 'https://schemas.openid.net/secevent/ssf/event-type/';

type CaepEvent = (typeof caepEventOf)[keyof typeof caepEventOf];
type Signer = Pick<AppServices, 'config' | 'keys'>;

/** A revocation as a signed security event (RFC 8417, OpenID CAEP 1.0 §3). A record always gives the same token, until the key is rotated. */
export function signEventToken(signer: Signer, revocation: Revocation): Promise<string> {
  const { id, userId, tokenId, revokedAt, initiator, reason } = revocation;
  const { PUBLIC_URL: iss } = signer.config;
  const timestamp = Math.floor(revokedAt.getTime() / 1_000);
  const caepEvent = caepEventOf[reason];
  const event = {
    event_timestamp: timestamp,
    initiating_entity: initiator.toLowerCase(),
    reason_admin: { en: reason },
    ...requiredMembers[caepEvent](revocation),
  };
  return sign(signer, id, timestamp, {
    // Both members together identify one session (OpenID SSF 1.0 §3.2); the user's other sessions are not affected.
    sub_id: { format: 'complex', user: { format: 'iss_sub', iss, sub: userId }, session: { format: 'opaque', id: tokenId } },
    events: { [caepEventPrefix + caepEvent.toLowerCase().replaceAll('_', '-')]: event },
  });
}

/** Says that events were removed which the receiver had not acknowledged (OpenID SSF 1.0 §8.1.5). */
export const signLossToken = (signer: Signer, jti: string, { token, now }: Pick<Viewer, 'token' | 'now'>) =>
  sign(signer, jti, Math.floor(now.getTime() / 1_000), {
    sub_id: { format: 'opaque', id: token.id },
    events: {
      [`${ssfEventPrefix}stream-updated`]: { status: 'enabled', reason: 'Unacknowledged events have expired and are no longer available.' },
    },
  });

/** What the CAEP profile requires for each kind of event. */
const requiredMembers: Record<CaepEvent, (revocation: Revocation) => object> = {
  SESSION_REVOKED: () => ({}),
  CREDENTIAL_CHANGE: ({ kind, reason }) =>
    reason === 'PASSWORD_CHANGED' || reason === 'PASSWORD_RESET'
      ? { credential_type: 'password', change_type: 'update' }
      : { credential_type: kind === 'SESSION' ? 'session' : 'api-token', change_type: 'revoke' },
  TOKEN_CLAIMS_CHANGE: () => ({ claims: { sid: null } }),
};

/** Without `sub` and `exp`, so that it cannot be mistaken for an access token (RFC 8417 §4.5, §4.6). */
function sign({ config, keys }: Signer, jti: string, iat: number, claims: { sub_id: object; events: object }) {
  const { kid, key } = keys.signing;
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'secevent+jwt', kid })
    .setIssuer(config.PUBLIC_URL)
    .setAudience(config.AUDIENCE)
    .setIssuedAt(iat)
    .setJti(jti)
    .sign(key);
}
