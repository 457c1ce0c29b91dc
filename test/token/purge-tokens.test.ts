import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { purgeTokens } from '../../src/identity/tokens/purge-tokens.ts';
import { runJobs } from '../jobs.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const alice = await server.user();
const { prisma } = server.db;
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

/** A token of alice with two secrets. */
async function token(times: { expiresAt?: Date; revokedAt?: Date }, kind: 'SESSION' | 'API' = 'SESSION') {
  const expiresAt = times.expiresAt ?? daysAgo(-1);
  const secrets = { create: [0, 1].map(() => ({ hash: crypto.getRandomValues(new Uint8Array(32)) })) };
  const { id } = await prisma.token.create({ data: { kind, userId: alice.uuid, ...times, expiresAt, idleExpiresAt: expiresAt, secrets } });
  return id;
}
const isLeft = async (id: string) => [
  await prisma.token.count({ where: { id } }),
  await prisma.tokenSecret.count({ where: { tokenId: id } }),
];
const [kept, gone] = [
  [1, 2],
  [0, 0],
];

describe('purging tokens', () => {
  it.each(['SESSION', 'API'] as const)(
    'deletes a token of kind %s and its secrets 30 days after it expired or was revoked, and not before',
    async (kind) => {
      const past = [await token({ expiresAt: daysAgo(31) }, kind), await token({ revokedAt: daysAgo(31) }, kind)];
      const recent = [await token({ expiresAt: daysAgo(29) }, kind), await token({ revokedAt: daysAgo(29) }, kind), await token({}, kind)];
      await runJobs(server);
      expect(await Promise.all(past.map(isLeft))).toEqual([gone, gone]);
      expect(await Promise.all(recent.map(isLeft))).toEqual([kept, kept, kept]);
    },
  );

  it('keeps a token while the revocation log refers to it', async () => {
    const id = await token({ revokedAt: daysAgo(31) });
    const { id: record } = await prisma.tokenRevocation.create({
      data: { tokenId: id, kind: 'SESSION', userId: alice.uuid, reason: 'LOGOUT', initiator: 'USER' },
    });
    await purgeTokens(server.db);
    expect(await isLeft(id)).toEqual(kept);
    await prisma.tokenRevocation.delete({ where: { id: record } });
    await purgeTokens(server.db);
    expect(await isLeft(id)).toEqual(gone);
  });

  it('records neither a revocation nor an audit event', async () => {
    await token({ expiresAt: daysAgo(31) });
    const counts = () => Promise.all([prisma.tokenRevocation.count(), prisma.auditEvent.count(), prisma.revocationCommit.count()]);
    const before = await counts();
    expect(await purgeTokens(server.db)).toBe(1);
    expect(await counts()).toEqual(before);
    expect((await alice.query('{ me { id } }')).code).toBeUndefined();
  });

  it('deletes any number of tokens in one run', async () => {
    await server.db.query(sql`
      with made as (
        insert into "Token" (kind, "userId", scopes, "expiresAt", "idleExpiresAt")
        select 'SESSION', ${alice.uuid}::uuid, '{}', now() - interval '31 days', now() - interval '31 days' from generate_series(1, 7000) returning id
      ) insert into "TokenSecret" (hash, "tokenId") select uuid_send(gen_random_uuid()), id from made`);
    expect(await purgeTokens(server.db)).toBe(7_000);
  });
});
