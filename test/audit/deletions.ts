import type { TestServer, TestUser } from '../test-server.ts';
import type { Case } from './accounts.ts';

/** The cases of the mutations that delete or restore a user. */
export const deletionCases = (server: TestServer): Record<string, (alice: TestUser) => Promise<Case>> => ({
  deleteUser: async (alice) => ({
    document: 'mutation ($id: ID!) { deleteUser(input: { id: $id }) { changed } }',
    variables: { id: alice.id },
    expected: { action: 'user_archived', reason: null, userId: alice.uuid, targetType: 'User', targetId: alice.uuid },
  }),
  restoreUser: async (alice) => {
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { deletedAt: new Date() } });
    return {
      document: 'mutation ($id: ID!) { restoreUser(input: { id: $id }) { changed } }',
      variables: { id: alice.id },
      expected: { action: 'user_updated', reason: 'restored', userId: alice.uuid, targetType: 'User', targetId: alice.uuid },
    };
  },
});
