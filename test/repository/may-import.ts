/** What of other branches each branch may import, besides `audit` and `mail`, which all may. */
export const mayImport: Record<string, readonly string[]> = {
  oauth: [
    'auth/authenticate',
    'auth/throttle',
    'token/token-revocation',
    'token/jwt',
    'token/lifecycle',
    'token/log',
    'token/secret',
    'token/security-event',
  ],
  // An event names who took part in it, and where.
  audit: ['user/user', 'user/rules', 'domain/domain'],
  auth: ['user/rules', 'user/profile', 'token/jwt', 'token/lifecycle', 'token/secret', 'token/token', 'user/user'],
  // Whoever holds a role is a user, in a domain: the three are known by name, and the write holds what it names.
  role: ['user/user', 'user/last-superadmin', 'user/not-erased', 'domain/domain', 'domain/held-domain', 'domain/tree', 'token/lifecycle'],
  // The key of a link is derived as other keys are, and an address is compared in one form.
  mail: ['auth/email', 'auth/former-email', 'token/keys', 'token/lifecycle', 'token/secret'],
  token: ['user/user', 'domain/domain'],
  // Users are found by their roles and listed with them, disabling and deleting one ends tokens, grants and links, and an administrator makes accounts and vouches for addresses.
  user: [
    'auth/account',
    'auth/email',
    'auth/link',
    'auth/proof',
    'auth/proven-address',
    'auth/throttle',
    'role/grantable',
    'role/held',
    'role/passed-on',
    'role/role-grant',
    'token/lifecycle',
  ],
  // An invitation is a letter with a link that makes an account, or a grant.
  invitation: [
    'auth/account',
    'auth/email',
    'auth/link',
    'auth/proof',
    'auth/proven-address',
    'auth/throttle',
    'domain/domain',
    'role/grantable',
    'role/role',
    'user/user',
  ],
  // Shutting a domain ends what was entered through it; moving one what was passed on into it from where it was.
  domain: ['token/lifecycle', 'role/lost-entries', 'role/passed-on'],
};

/** What of the branches the trunk may import; the table of contents imports them all. */
export const trunkMayImport: Record<string, readonly string[]> = {
  'src/access/write.ts': ['audit/record'],
  'src/beat.ts': ['token/log'],
  'src/connection.ts': ['token/log'],
  'src/context.ts': ['token/keys', 'token/tail'],
  'src/endpoints.ts': [
    'oauth/introspect',
    'oauth/metadata',
    'oauth/poll',
    'oauth/revoke',
    'oauth/snapshot',
    'page/dev-mails',
    'page/link-page',
    'page/pages',
    'page/style',
    'user/avatar',
  ],
  'src/jobs.ts': ['audit/retention', 'role/lost-entries', 'token/lifecycle', 'token/purge', 'user/erase'],
  'src/pipeline.ts': ['auth/authenticate'],
  'src/socket-admission.ts': ['auth/authenticate'],
  'src/services.ts': ['token/keys', 'token/live-keys', 'token/tail'],
  'src/start.ts': ['mail/post-office'],
};
