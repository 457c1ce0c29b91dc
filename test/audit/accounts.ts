import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { expect } from 'vitest';
import type { TestServer, TestUser } from '../test-server.ts';

/** A call of a mutation, and the columns of its audit event besides the actor and the client. */
export interface Case {
  readonly document: string;
  readonly variables: object;
  readonly expected: object;
}

/** The fixtures of the cases. */
export interface AuditFixtures {
  /** The caller. */
  readonly superadmin: TestUser;
  readonly north: { readonly id: string };
  /** A private value that no audit event may contain. */
  readonly value: string;
}

/** The cases of the mutations that create or invite users. */
export const accountCases = (
  server: TestServer,
  { superadmin, north }: AuditFixtures,
): Record<string, (alice: TestUser) => Promise<Case>> => ({
  createUser: async () => ({
    document: 'mutation ($email: String!) { createUser(input: { email: $email }) { user { id } } }',
    variables: { email: `${randomUUID()}@example.com` },
    expected: { action: 'user_created', userId: expect.any(String), targetType: 'User', details: { role: 'USER', domain: null } },
  }),
  inviteUser: async (alice) => ({
    document: 'mutation ($email: String!) { inviteUser(input: { email: $email, role: "USER", domain: "north" }) { invitation { id } } }',
    variables: { email: alice.email },
    expected: {
      action: 'user_invited',
      userId: null,
      domainId: north.id,
      targetType: 'Invitation',
      details: { role: 'USER', domain: 'north', expiresAt: expect.any(String) },
    },
  }),
  revokeInvitation: async ({ email }) => {
    const { id: roleId } = await server.db.prisma.role.findUniqueOrThrow({ where: { name: 'USER' } });
    const data = {
      email,
      emailKey: email,
      roleId,
      domainId: north.id,
      invitedById: superadmin.uuid,
      expiresAt: new Date(Date.now() + 60_000),
    };
    const { id } = await server.db.prisma.invitation.create({ data });
    return {
      document: 'mutation ($id: ID!) { revokeInvitation(input: { id: $id }) { changed } }',
      variables: { id: encodeGlobalID('Invitation', id) },
      expected: { action: 'user_invited', reason: 'revoked', domainId: north.id, targetType: 'Invitation', targetId: id },
    };
  },
});
