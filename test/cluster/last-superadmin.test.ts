import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterAll, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { type Member, type Node, register, startNodes } from './nodes.ts';

// Two processes cannot open one embedded database.
const cluster = isEmbedded ? undefined : await startNodes(2);
const nodes = (cluster?.nodes ?? []) as [Node, Node];
afterAll(() => cluster?.leave());

const revoke = 'mutation ($id: ID!) { revokeRole(input: { userId: $id, role: "SUPERADMIN" }) { changed } }';
const disable = 'mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }';

/** A superadmin with their global id. */
async function superadmin(): Promise<Member & { id: string }> {
  const member = await register(nodes[0]);
  const prisma = cluster?.db.prisma as NonNullable<typeof cluster>['db']['prisma'];
  const { id: userId } = await prisma.user.findFirstOrThrow({ where: { email: member.email } });
  const { id: roleId } = await prisma.role.findUniqueOrThrow({ where: { name: 'SUPERADMIN' } });
  await prisma.roleGrant.create({ data: { userId, roleId } });
  return { ...member, id: encodeGlobalID('User', userId) };
}

describe.skipIf(!cluster)('the last superadmin (needs a PostgreSQL server)', () => {
  it('remains after 50 concurrent attempts of two superadmins on two servers to remove each other', async () => {
    for (let round = 0; round < 3; round += 1) {
      await cluster?.db.prisma.roleGrant.deleteMany({ where: { role: { name: 'SUPERADMIN' } } });
      const two = [await superadmin(), await superadmin()] as const;
      const attempts = Array.from({ length: 50 }, (_, index) => {
        const [by, target] = index % 2 ? two : [two[1], two[0]];
        return nodes[(index >> 1) % 2]?.query(index % 3 ? revoke : disable, { id: target.id }, { token: by.accessToken });
      });
      await Promise.all(attempts);
      const left = await cluster?.db.prisma.user.count({
        where: { enabled: true, grants: { some: { role: { name: 'SUPERADMIN' }, domainId: null } } },
      });
      expect(left, `round ${round}`).toBe(1);
    }
  }, 60_000);
});
