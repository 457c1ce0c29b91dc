import { describe, expect, it } from 'vitest';
import { runJobs } from '../jobs.ts';
import { open } from '../world.ts';
import { letterTo } from './letters.ts';

const world = await open();
const { prisma } = world.db;
const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';
const days = (count: number) => new Date(Date.now() - count * 86_400_000);

describe('letters and links', () => {
  it('are forgotten 30 days after their end, and not before; what waits stays', async () => {
    const [old, young, waiting] = [await world.user(), await world.user(), await world.user()];
    for (const { email, uuid } of [old, young]) {
      await world.send(request, { input: { email } });
      await letterTo(world, uuid, 'passwordReset');
    }
    for (const [{ uuid, email }, age] of [
      [old, 31],
      [young, 29],
    ] as const) {
      await prisma.link.updateMany({ where: { userId: uuid }, data: { expiresAt: days(age) } });
      await prisma.mail.updateMany({ where: { emailKey: email }, data: { endedAt: days(age) } });
    }
    await prisma.mail.create({ data: { letter: 'accessReset', userId: waiting.uuid, createdAt: days(40), dueAt: days(-1) } });
    await runJobs(world);
    const left = [old, young].map(async ({ uuid, email }) => [
      await prisma.link.count({ where: { userId: uuid } }),
      await prisma.mail.count({ where: { emailKey: email } }),
    ]);
    expect(await Promise.all(left)).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(await prisma.mail.count({ where: { userId: waiting.uuid } })).toBe(1);
  });
});
