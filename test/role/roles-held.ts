import type { Prisma } from '../../src/database/generated/prisma/client.ts';
import type { TestServer, TestUser } from '../test-server.ts';

/** The roles of a user in the order of granting, such as `CLERK` or `CLERK in north`; `where` filters the grants. */
export const rolesHeldIn =
  ({ db }: TestServer, where: Prisma.RoleGrantWhereInput = {}) =>
  async ({ uuid }: Pick<TestUser, 'uuid'>) => {
    const grants = await db.prisma.roleGrant.findMany({
      where: { userId: uuid, ...where },
      include: { role: true, domain: true },
      orderBy: { id: 'asc' },
    });
    return grants.map(({ role, domain }) => (domain ? `${role.name} in ${domain.name}` : role.name));
  };
