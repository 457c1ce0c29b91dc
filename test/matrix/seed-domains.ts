import { jobs } from '../../src/schema/job/schedule.ts';
import type { TestServer } from '../test-server.ts';

/** The domains and the roles of the matrix, and a job with a value in every field. */
export async function seedDomains(server: TestServer) {
  await server.domain('above');
  const inside = await server.domain('inside', 'above');
  const abroad = await server.domain('abroad');
  const closed = await server.db.prisma.domain.create({
    data: { name: 'closed', displayName: 'Closed', active: false, parentId: inside.id },
  });
  await server.db.prisma.domain.create({ data: { name: 'below', displayName: 'Below', parentId: inside.id } });
  const [member, unheld] = await Promise.all(
    ['MEMBER', 'UNHELD'].map((name) =>
      server.db.prisma.role.create({ data: { name, description: `For ${name}s`, permissions: ['settings:read'] } }),
    ),
  );
  if (!member || !unheld) throw new Error('no roles');
  await server.db.prisma.role.create({ data: { name: 'READER', permissions: ['users:read', 'roles:read', 'domains:read', 'audit:read'] } });
  const { name = '' } = jobs[0] ?? {};
  const run = { dueAt: new Date(Date.now() + 3_600_000), startedAt: new Date(), finishedAt: new Date(), count: 0, error: 'tried' };
  await server.db.prisma.job.upsert({ where: { name }, create: { name, ...run }, update: run });
  return { inside, abroad, closed, member, unheld };
}
