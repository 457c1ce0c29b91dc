import type { RevocationReason } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';

export const SecurityEvent = builder.enumType('SecurityEvent', {
  description: 'Event types of the OpenID Continuous Access Evaluation Profile (CAEP 1.0 §3).',
  values: {
    SESSION_REVOKED: { description: 'The session or API token was revoked.' },
    CREDENTIAL_CHANGE: { description: 'The credential that the session was created with was changed, or the session was replaced.' },
    TOKEN_CLAIMS_CHANGE: { description: 'A claim about the owner is no longer valid.' },
  } as const,
});

/** The CAEP event type of each revocation reason. */
export const caepEventOf: Record<RevocationReason, 'SESSION_REVOKED' | 'CREDENTIAL_CHANGE' | 'TOKEN_CLAIMS_CHANGE'> = {
  LOGOUT: 'SESSION_REVOKED',
  USER_REVOKED: 'SESSION_REVOKED',
  ADMIN_REVOKED: 'SESSION_REVOKED',
  REUSE_DETECTED: 'SESSION_REVOKED',
  REAUTHENTICATED: 'CREDENTIAL_CHANGE',
  SESSION_LIMIT: 'SESSION_REVOKED',
  USER_DISABLED: 'SESSION_REVOKED',
  DOMAIN_DISABLED: 'SESSION_REVOKED',
  DOMAIN_DELETED: 'SESSION_REVOKED',
  PASSWORD_CHANGED: 'CREDENTIAL_CHANGE',
  PASSWORD_RESET: 'CREDENTIAL_CHANGE',
  ACCESS_RESET: 'SESSION_REVOKED',
  EMAIL_CONFIRMED: 'SESSION_REVOKED',
  EMAIL_CHANGED: 'SESSION_REVOKED',
  USER_DELETED: 'SESSION_REVOKED',
  ACCESS_LOST: 'TOKEN_CLAIMS_CHANGE',
};
