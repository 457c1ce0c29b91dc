/** What an API token may be used for, and what a role may permit: a typed table of names. Adding one is adding a row. */
export const permissions = {
  'users:read': 'Read users and the roles granted to them.',
  'users:write': 'Make users and change profiles; enable, disable, delete and restore users.',
  'roles:read': 'Read roles and their permissions.',
  'domains:read': 'Read domains.',
  'domains:write': 'Create, change and delete domains.',
  'tokens:read': 'List sessions and API tokens and follow their revocations; never their values.',
  'tokens:revoke': 'End sessions and API tokens.',
  'tokens:follow': 'Follow the revocations of all tokens, as a resource server does.',
  'tokens:introspect': 'Ask whether a token of anybody is live.',
  'audit:read': 'Read what happened to users, domains and roles, and, for superadmins, when the jobs of the server ran.',
  'settings:read': 'Read settings.',
  'settings:write': 'Write and delete settings.',
} as const;

export type Permission = keyof typeof permissions;

export const isPermission = (name: string): name is Permission => Object.hasOwn(permissions, name);
