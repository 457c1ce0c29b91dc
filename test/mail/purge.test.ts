import { describe, expect, it } from 'vitest';
import { runJobs } from '../jobs.ts';
import { startTestServer } from '../test-server.ts';
import { emailTo } from './emails.ts';

const server = await startTestServer();
const { prisma } = server.db;
const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';
const days = (count: number) => new Date(Date.now() - count * 86_400_000);

describe('purging emails, links and invitations', () => {
  it('deletes emails and links 30 days after they ended and keeps pending emails', async () => {
    const [old, young, waiting] = [await server.user(), await server.user(), await server.user()];
    for (const { email, uuid } of [old, young]) {
      await server.query(request, { input: { email } });
      await emailTo(server, uuid, 'passwordReset');
    }
    for (const [{ uuid, email }, age] of [
      [old, 31],
      [young, 29],
    ] as const) {
      await prisma.emailLink.updateMany({ where: { userId: uuid }, data: { expiresAt: days(age) } });
      await prisma.outboxEmail.updateMany({ where: { emailKey: email }, data: { completedAt: days(age) } });
    }
    await prisma.outboxEmail.create({ data: { template: 'accessReset', userId: waiting.uuid, createdAt: days(40), dueAt: days(-1) } });
    await runJobs(server);
    const left = [old, young].map(async ({ uuid, email }) => [
      await prisma.emailLink.count({ where: { userId: uuid } }),
      await prisma.outboxEmail.count({ where: { emailKey: email } }),
    ]);
    expect(await Promise.all(left)).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(await prisma.outboxEmail.count({ where: { userId: waiting.uuid } })).toBe(1);
  });

  it('leaves emails of unknown templates to newer servers', async () => {
    const alice = await server.user();
    const { id } = await prisma.outboxEmail.create({ data: { template: 'notYetKnown', userId: alice.uuid } });
    await server.query(request, { input: { email: alice.email } });
    await emailTo(server, alice.uuid, 'passwordReset');
    expect(await prisma.outboxEmail.findUniqueOrThrow({ where: { id } })).toMatchObject({ attempts: 0, completedAt: null });
  });

  it('deletes invitations 30 days after they expired, were accepted or revoked', async () => {
    const { id: roleId } = await prisma.role.findUniqueOrThrow({ where: { name: 'USER' } });
    const { uuid: invitedById } = await server.user('SUPERADMIN');
    const invite = (ends: object) =>
      prisma.invitation.create({
        data: { email: 'x@example.com', emailKey: 'x@example.com', roleId, invitedById, expiresAt: days(-1), ...ends },
      });
    const gone = [await invite({ expiresAt: days(31) }), await invite({ acceptedAt: days(31) }), await invite({ revokedAt: days(31) })];
    const kept = [await invite({}), await invite({ expiresAt: days(29) }), await invite({ acceptedAt: days(29) })];
    await runJobs(server);
    const left = await prisma.invitation.findMany({ where: { id: { in: [...gone, ...kept].map(({ id }) => id) } }, select: { id: true } });
    expect(left.map(({ id }) => id).sort()).toEqual(kept.map(({ id }) => id).sort());
  });
});
