import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { expect } from 'vitest';
import type { TestServer, TestUser } from '../test-server.ts';
import { type AuditFixtures, accountCases, type Case } from './accounts.ts';

/** A case for each mutation of users, roles and domains, on fixtures of its own; `alice` is the target user. */
export const mutationCases = (
  server: TestServer,
  { superadmin, north, value }: AuditFixtures,
): Record<string, (alice: TestUser) => Promise<Case>> => ({
  ...accountCases(server, { superadmin, north, value }),
  grantRole: async (alice) => ({
    document: 'mutation ($id: ID!) { grantRole(input: { userId: $id, role: "USER", domain: "north" }) { changed } }',
    variables: { id: alice.id },
    expected: {
      action: 'privilege_permissions_changed',
      reason: 'granted',
      userId: alice.uuid,
      domainId: north.id,
      targetType: 'RoleGrant',
      details: { role: 'USER', domain: 'north', expiresAt: null, delegable: 0, throughId: null },
    },
  }),
  revokeRole: async (alice) => {
    const { id } = await server.grant(alice.uuid, 'USER', 'north');
    return {
      document: 'mutation ($id: ID!) { revokeRole(input: { userId: $id, role: "USER", domain: "north" }) { changed } }',
      variables: { id: alice.id },
      expected: {
        action: 'privilege_permissions_changed',
        reason: 'revoked',
        userId: alice.uuid,
        domainId: north.id,
        targetType: 'RoleGrant',
        targetId: id,
        details: { role: 'USER', domain: 'north', throughId: null },
      },
    };
  },
  sendPasswordReset: async (alice) => ({
    document: 'mutation ($id: ID!) { sendPasswordReset(input: { id: $id }) { user { id } } }',
    variables: { id: alice.id },
    expected: { action: 'user_email_requested', reason: 'passwordReset', userId: alice.uuid, targetType: 'User', targetId: alice.uuid },
  }),
  enableUser: async (alice) => {
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { enabled: false } });
    return {
      document: 'mutation ($id: ID!) { enableUser(input: { id: $id }) { changed } }',
      variables: { id: alice.id },
      expected: { action: 'user_updated', reason: 'enabled', userId: alice.uuid, targetType: 'User', targetId: alice.uuid },
    };
  },
  unlockUser: async (alice) => {
    await server.query('mutation ($email: String!) { login(input: { email: $email, password: "guess" }) { __typename } }', {
      email: alice.email,
    });
    return {
      document: 'mutation ($id: ID!) { unlockUser(input: { id: $id }) { changed } }',
      variables: { id: alice.id },
      expected: { action: 'user_updated', reason: 'unlocked', userId: alice.uuid, targetType: 'User', targetId: alice.uuid },
    };
  },
  disableUser: async (alice) => ({
    document: 'mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }',
    variables: { id: alice.id },
    expected: { action: 'user_updated', reason: 'disabled', userId: alice.uuid, targetType: 'User', targetId: alice.uuid },
  }),
  updateProfile: async () => ({
    document: 'mutation ($value: String!) { updateProfile(input: { displayName: $value, phone: null }) { user { id } } }',
    variables: { value },
    expected: {
      action: 'user_updated',
      reason: 'profile',
      userId: superadmin.uuid,
      targetType: 'User',
      targetId: superadmin.uuid,
      details: { fields: ['displayName', 'phone'] },
    },
  }),
  updateUser: async (alice) => {
    return {
      document: 'mutation ($id: ID!, $value: String!) { updateUser(input: { id: $id, address: $value }) { user { id } } }',
      variables: { id: alice.id, value },
      expected: {
        action: 'user_updated',
        reason: 'profile',
        userId: alice.uuid,
        targetType: 'User',
        targetId: alice.uuid,
        details: { fields: ['address'] },
      },
    };
  },
  setSetting: async (alice) => ({
    document: 'mutation ($id: ID!, $value: String!) { setSetting(input: { userId: $id, key: "theme", value: $value }) { setting { id } } }',
    variables: { id: alice.id, value },
    expected: { action: 'user_updated', reason: 'setting set', userId: alice.uuid, targetType: 'UserSetting', details: { key: 'theme' } },
  }),
  deleteSetting: async (alice) => {
    const { id } = await server.db.prisma.userSetting.create({ data: { userId: alice.uuid, key: 'theme', value } });
    return {
      document: 'mutation ($id: ID!) { deleteSetting(input: { id: $id }) { deletedId } }',
      variables: { id: encodeGlobalID('UserSetting', id) },
      expected: {
        action: 'user_updated',
        reason: 'setting deleted',
        userId: alice.uuid,
        targetType: 'UserSetting',
        targetId: id,
        details: { key: 'theme' },
      },
    };
  },
  createRole: async () => ({
    document: 'mutation ($name: String!) { createRole(input: { name: $name, permissions: ["users:read"] }) { role { id } } }',
    variables: { name: `N_${freshName().toUpperCase()}` },
    expected: {
      action: 'authz_admin',
      reason: 'role created',
      targetType: 'Role',
      details: expect.objectContaining({ permissions: ['users:read'] }),
    },
  }),
  updateRole: async () => {
    const row = await roleIn(server);
    return {
      document: 'mutation ($id: ID!) { updateRole(input: { id: $id, permissions: ["users:read"] }) { role { id } } }',
      variables: { id: encodeGlobalID('Role', row.id) },
      expected: {
        action: 'authz_change',
        reason: 'role updated',
        targetType: 'Role',
        targetId: row.id,
        details: { name: row.name, before: [], after: ['users:read'] },
      },
    };
  },
  deleteRole: async () => {
    const row = await roleIn(server);
    return {
      document: 'mutation ($id: ID!) { deleteRole(input: { id: $id }) { deletedId } }',
      variables: { id: encodeGlobalID('Role', row.id) },
      expected: { action: 'authz_admin', reason: 'role deleted', targetType: 'Role', targetId: row.id, details: { name: row.name } },
    };
  },
  createDomain: async () => ({
    document: 'mutation ($name: String!) { createDomain(input: { name: $name, displayName: "New" }) { domain { id } } }',
    variables: { name: `n-${freshName()}` },
    expected: {
      action: 'authz_admin',
      reason: 'domain created',
      domainId: expect.any(String),
      targetType: 'Domain',
      details: expect.objectContaining({ displayName: 'New' }),
    },
  }),
  updateDomain: async () => {
    const row = await server.domain(`d-${freshName()}`);
    return {
      document: 'mutation ($id: ID!) { updateDomain(input: { id: $id, active: false }) { domain { id } } }',
      variables: { id: row.globalId },
      expected: {
        action: 'authz_admin',
        reason: 'domain updated',
        domainId: row.id,
        targetType: 'Domain',
        targetId: row.id,
        details: { active: false },
      },
    };
  },
  deleteDomain: async () => {
    const row = await server.domain(`d-${freshName()}`);
    return {
      document: 'mutation ($id: ID!) { deleteDomain(input: { id: $id }) { deletedId } }',
      variables: { id: row.globalId },
      expected: {
        action: 'authz_admin',
        reason: 'domain deleted',
        domainId: row.id,
        targetType: 'Domain',
        targetId: row.id,
        details: { name: row.name },
      },
    };
  },
});

const freshName = () => randomUUID().slice(0, 8);
const roleIn = (server: TestServer) => server.db.prisma.role.create({ data: { name: `R_${freshName().toUpperCase()}` } });
