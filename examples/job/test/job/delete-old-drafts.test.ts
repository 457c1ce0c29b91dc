import { describe, expect, it } from 'vitest';
import { runJobs } from '../jobs.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

describe('the job that deletes old drafts', () => {
  it('deletes drafts after 7 days, and nothing else', async () => {
    const { uuid: userId } = await server.user();
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
    const data = [
      { userId, key: 'draft.old', updatedAt: daysAgo(8) },
      { userId, key: 'draft.new', updatedAt: daysAgo(6) },
      { userId, key: 'theme', updatedAt: daysAgo(8) },
    ];
    await prisma.userSetting.createMany({ data });
    await runJobs(server);
    const left = await prisma.userSetting.findMany({ where: { userId }, orderBy: { key: 'asc' } });
    expect(left.map(({ key }) => key)).toEqual(['draft.new', 'theme']);
  });
});
