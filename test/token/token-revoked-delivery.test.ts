import { describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { open, type Person, until } from '../test-server.ts';
import { revokeInOpenTransaction } from './open-transaction.ts';
import { follow } from './revocation-stream.ts';

const world = await open();
await world.domain('crowd');
const sidOf = (person: Pick<Person, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const signInAgain = (person: Person) => world.signIn(person.email, person.uuid);
const logOut = (person: Person) => person.ask('mutation { logout { ended } }');
const record = (person: Person, device: Person) =>
  ({ tokenId: sidOf(device), kind: 'SESSION', userId: person.uuid, reason: 'LOGOUT', initiator: 'USER' }) as const;

describe('tokenRevoked', () => {
  it('delivers nothing for a transaction that was rolled back', async () => {
    const alice = await world.user();
    const [undone, device] = [await signInAgain(alice), await signInAgain(alice)];
    const stream = await follow(world, alice.accessToken);
    const rolledBack = world.db.prisma.$transaction(async (tx) => {
      await tx.tokenRevocation.create({ data: record(alice, undone) });
      await tx.$queryRaw`select pg_notify('fieldgate_token_revoked', '')::text`;
      throw new Error('undone');
    });
    await rolledBack.catch(() => {});
    await logOut(device);
    await until(() => stream.sids.length);
    expect(stream.sids).toEqual([sidOf(device)]);
    stream.leave();
  });

  it('delivers within 2 s a revocation without a notification', async () => {
    const alice = await world.user();
    const device = await signInAgain(alice);
    const stream = await follow(world, alice.accessToken);
    await world.db.prisma.tokenRevocation.create({ data: record(alice, device) });
    const written = performance.now();
    await until(() => stream.sids.length);
    expect(performance.now() - written).toBeLessThan(2_000);
    expect(stream.sids).toEqual([sidOf(device)]);
    stream.leave();
  });

  it('delivers each of 700 simultaneous revocations exactly once', async () => {
    const chief = await world.user('ADMIN', 'crowd');
    const member = await world.user('USER', 'crowd');
    const crowd = await world.db.prisma.domain.findUniqueOrThrow({ where: { name: 'crowd' } });
    const later = new Date(Date.now() + 1e9);
    const session = {
      kind: 'SESSION' as const,
      userId: member.uuid,
      domainId: crowd.id,
      scopes: [],
      expiresAt: later,
      idleExpiresAt: later,
    };
    const rows = await world.db.prisma.token.createManyAndReturn({ data: Array.from({ length: 700 }, () => session) });
    const stream = await follow(world, chief.accessToken, '(domain: "crowd")');
    const admin = await world.user('SUPERADMIN');
    await admin.ask('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', { input: { id: member.id } });
    const end = performance.now() + 30_000;
    while (stream.sids.length < rows.length && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
    expect([...stream.sids].sort()).toEqual(rows.map(({ id }) => id).sort());
    stream.leave();
  }, 60_000);

  // The embedded PostgreSQL has one connection: its transactions never overlap.
  it.skipIf(isEmbedded)('delivers the revocation of a transaction that commits late (needs a PostgreSQL server)', async () => {
    const alice = await world.user();
    const [late, device] = [await signInAgain(alice), await signInAgain(alice)];
    const stream = await follow(world, alice.accessToken);
    const commit = await revokeInOpenTransaction(world, alice, sidOf(late));
    await logOut(device);
    await until(() => stream.sids.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // several polls of the log
    await commit();
    await until(() => stream.sids.length === 2);
    expect(stream.sids).toEqual([sidOf(device), sidOf(late)]);
    stream.leave();
  });
});
