import { SignJWT } from 'jose';
import type { AppServices } from '../../graphql/context.ts';
import type { Revocation } from '../../identity/tokens/revocation-log.ts';
import { caepEventOf } from '../../schema/token/caep-event.ts';

const caep = 'https://schemas.openid.net/secevent/caep/event-type/';
const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/';

type Signer = Pick<AppServices, 'config' | 'keys'>;

/** The end of a token as a signed security event (RFC 8417, OpenID CAEP 1.0 §3). The same record makes the same token, as long as the key does not change. */
export function signEventToken(signer: Signer, revocation: Revocation): Promise<string> {
  const { id, userId, tokenId, revokedAt, initiator, reason } = revocation;
  const { PUBLIC_URL: iss } = signer.config;
  const at = Math.floor(revokedAt.getTime() / 1_000);
  const event = {
    event_timestamp: at,
    initiating_entity: initiator.toLowerCase(),
    reason_admin: { en: reason },
    ...required[caepEventOf[reason]](revocation),
  };
  return sign(signer, id, at, {
    // Both members together name the one session (OpenID SSF 1.0 §3.2): nothing is said of others of the user.
    sub_id: { format: 'complex', user: { format: 'iss_sub', iss, sub: userId }, session: { format: 'opaque', id: tokenId } },
    events: { [caep + nameOf(caepEventOf[reason])]: event },
  });
}

/** That events are missing which the receiver has not acknowledged in time (OpenID SSF 1.0 §8.1.5). */
export const signLossToken = (signer: Signer, jti: string, receiver: string) =>
  sign(signer, jti, Math.floor(Date.now() / 1_000), {
    sub_id: { format: 'opaque', id: receiver },
    events: { [`${ssf}stream-updated`]: { status: 'enabled', reason: 'Events are no longer kept that were not acknowledged.' } },
  });

/** What the profile asks for besides, by the kind of event. */
const required: Record<(typeof caepEventOf)[keyof typeof caepEventOf], (revocation: Revocation) => object> = {
  SESSION_REVOKED: () => ({}),
  CREDENTIAL_CHANGE: ({ kind, reason }) =>
    reason === 'PASSWORD_CHANGED' || reason === 'PASSWORD_RESET'
      ? { credential_type: 'password', change_type: 'update' }
      : { credential_type: kind === 'SESSION' ? 'session' : 'api-token', change_type: 'revoke' },
  TOKEN_CLAIMS_CHANGE: () => ({ claims: { sid: null } }),
};

const nameOf = (event: string) => event.toLowerCase().replaceAll('_', '-');

/** Without `sub` and `exp`, so that it stands for no access token (RFC 8417 §4.5, §4.6). */
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
