/** Every action of the audit. The names follow the OWASP Logging Vocabulary where it has a word; docs/events.md describes each with its reasons. */
export const auditActions = [
  'authn_command',
  'authn_login_fail',
  'authn_login_success',
  'authn_password_change',
  'authn_reauthenticate_success',
  'authn_token_created',
  'authz_admin',
  'authz_change',
  'privilege_permissions_changed',
  'session_revoked',
  'sys_database_restored',
  'sys_key_removed',
  'sys_key_rotated',
  'sys_keys_accepted',
  'user_archived',
  'user_created',
  'user_deleted',
  'user_email_requested',
  'user_exported',
  'user_imported',
  'user_invited',
  'user_updated',
] as const;

export type AuditAction = (typeof auditActions)[number];
