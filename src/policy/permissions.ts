/** The permissions of roles, which are also the scopes of API tokens. Adding one is adding a row. */
export const permissions = {
  'users:read': 'Read users and the roles granted to them.',
  'users:write': 'Create users, change profiles; enable, disable, delete and restore users.',
  'roles:read': 'Read roles and their permissions.',
  'domains:read': 'Read domains.',
  'domains:write': 'Create, change and delete domains.',
  'tokens:read': 'List sessions and API tokens and subscribe to their revocations; never read their values.',
  'tokens:revoke': 'Revoke sessions and API tokens.',
  'tokens:follow': 'Subscribe to the revocations of all tokens, as a resource server does.',
  'tokens:introspect': 'Introspect any token.',
  'audit:read': 'Read the audit events of users, domains and roles and, as a superadmin, the job runs of the server.',
  'settings:read': 'Read settings.',
  'settings:write': 'Write and delete settings.',
} as const;

export type Permission = keyof typeof permissions;

export const isPermission = (name: string): name is Permission => Object.hasOwn(permissions, name);
