import type { RevocationReason } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';

export const SecurityEvent = builder.enumType('SecurityEvent', {
  description: 'The kinds of events of the OpenID Continuous Access Evaluation Profile (CAEP 1.0 §3).',
  values: {
    SESSION_REVOKED: { description: 'The session or API token was ended.' },
    CREDENTIAL_CHANGE: { description: 'What it was opened with was changed, or another took its place.' },
    TOKEN_CLAIMS_CHANGE: { description: 'What it says of its owner is no longer true.' },
  } as const,
});

/** Which kind of event each reason is. */
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
