import type { TestServer, TestUser } from '../test-server.ts';
import type { Case } from './newcomers.ts';

/** The same of the mutations that delete a user, or bring one back. */
export const deletionsOf = (server: TestServer): Record<string, (alice: TestUser) => Promise<Case>> => ({
  deleteUser: async (alice) => ({
    document: 'mutation ($id: ID!) { deleteUser(input: { id: $id }) { changed } }',
    variables: { id: alice.id },
    says: { action: 'user_archived', reason: null, userId: alice.uuid, targetType: 'User', targetId: alice.uuid },
  }),
  restoreUser: async (alice) => {
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { deletedAt: new Date() } });
    return {
      document: 'mutation ($id: ID!) { restoreUser(input: { id: $id }) { changed } }',
      variables: { id: alice.id },
      says: { action: 'user_updated', reason: 'restored', userId: alice.uuid, targetType: 'User', targetId: alice.uuid },
    };
  },
});
