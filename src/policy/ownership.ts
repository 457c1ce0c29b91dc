import { any } from '../authorization/rules/rule.ts';
import { outranks, self, superadmin } from './conditions.ts';
import type { OwnershipTable } from './models.ts';

/** How each model leads to its owner and its domain. Lists, single rows and writes all follow this table. */
export const ownership: OwnershipTable = {
  User: {
    writable: any(self, outranks, superadmin),
    domain: (ids, active) => ({ grants: { some: { domainId: { in: ids }, ...active } } }),
  },
  Role: { domain: 'everywhere' },
  RoleGrant: { of: 'User', by: 'user', domain: inDomain, domainId: 'domainId' },
  Domain: { domain: (ids) => ({ id: { in: ids } }), domainId: 'id' },
  Token: { of: 'User', by: 'user', domain: (ids) => ({ kind: 'SESSION', ...inDomain(ids) }), domainId: 'domainId' },
  TokenRevocation: { of: 'User', by: 'user', domain: inDomain, domainId: 'domainId' },
  UserSetting: { of: 'User', by: 'user' },
  // Belongs to its domain alone: who sent it makes no difference to who administers it.
  Invitation: { domain: inDomain, domainId: 'domainId' },
  FieldRead: { of: 'User', by: 'user' },
  AuditEvent: { of: 'User', by: 'user', actor: 'actor', domain: inDomain, domainId: 'domainId' },
};

function inDomain(ids: string[]) {
  return { domainId: { in: ids } };
}
