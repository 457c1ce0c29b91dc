import { permissions } from '../../src/policy/permissions.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

// Worlds that differ only in what callers who are limited to the domain `inside` may not know.

const server = await startTestServer({ ACCESS_TOKEN_TTL: '15m' });
const { prisma } = server.db;
export const inside = await server.domain('inside', (await server.domain('above')).name);
export const [abroad, closed] = [await server.domain('abroad'), await server.domain('closed')];
const beyond = await server.domain('beyond');
await prisma.domain.update({ where: { id: closed.id }, data: { active: false } });
const everything = Object.keys(permissions);
for (const [name, granted] of Object.entries({ KEEPER: everything, READER: ['users:read'], HELPER: ['settings:read'] }))
  await prisma.role.create({ data: { name, permissions: granted } });
const roles = await prisma.role.findMany();
export const roleId = (name: string) => roles.find((role) => role.name === name)?.id as string;

export const member = await server.user('USER', 'inside');
export const neighbor = await server.user('USER', 'inside');
export const stranger = await server.user('USER', 'abroad');
export const askers = {
  'a domain administrator': await server.user('ADMIN', 'inside'),
  'a reader in the domain': await server.user('READER', 'inside'),
  'a member of the domain': await server.user('USER', 'inside'),
};
export const delegator = await server.user('READER', 'inside');
export const delegated = await prisma.roleGrant.create({ data: { userId: delegator.uuid, roleId: roleId('HELPER'), delegable: 2 } });
/** Another grant that the delegator can delegate, which expires. */
export const delegatedUntil = await prisma.roleGrant.create({
  data: { userId: delegator.uuid, roleId: roleId('HELPER'), domainId: abroad.id, delegable: 2, expiresAt: inDays(5) },
});
export const memberGrant = await prisma.roleGrant.findFirstOrThrow({ where: { userId: member.uuid } });
export const invitation = await prisma.invitation.create({
  data: {
    email: 'new@example.com',
    emailKey: 'new@example.com',
    roleId: roleId('USER'),
    domainId: inside.id,
    invitedById: neighbor.uuid,
    expiresAt: inDays(1),
  },
});
const start = new Date();
export const session = { id: '01900000-0000-7000-8000-00000000000a', kind: 'SESSION' as const, userId: member.uuid };
export const event = {
  id: '01900000-0000-7000-8000-00000000000b',
  at: inDays(-1),
  action: 'user_updated',
  result: 'ok' as const,
  userId: member.uuid,
};

/** Several worlds grant the same role. */
const ignoreDuplicate = () => undefined;

export function inDays(days: number) {
  return new Date(Date.now() + days * 86_400_000);
}

export const grantTo = (
  { uuid }: TestUser,
  role: string,
  domainId: string | null,
  more: { expiresAt?: Date; delegable?: number; throughId?: string } = {},
) => prisma.roleGrant.create({ data: { userId: uuid, roleId: roleId(role), domainId, ...more } });

/** Returns to the world in which both users are nothing but members of their domain. */
export async function reset() {
  for (const { uuid } of [member, stranger]) {
    await prisma.roleGrant.deleteMany({ where: { userId: uuid, id: { not: memberGrant.id } } });
    await prisma.token.deleteMany({ where: { userId: uuid } });
    await prisma.tokenRevocation.deleteMany({ where: { userId: uuid } });
    await prisma.userSetting.deleteMany({ where: { userId: uuid } });
    await prisma.user.update({ where: { id: uuid }, data: { enabled: true, deletedAt: null } });
  }
  await prisma.rateLimit.deleteMany();
  await resetAudit();
  await prisma.token.create({
    data: { ...session, domainId: inside.id, expiresAt: inDays(9), idleExpiresAt: inDays(9), createdAt: start },
  });
}

/** Triggers keep the audit append-only; a superuser can bypass them. */
const resetAudit = () =>
  prisma.$transaction(async (tx) => {
    await tx.$executeRaw`set local session_replication_role = replica`;
    await tx.$executeRaw`delete from "AuditQueue"`;
    await tx.auditEvent.deleteMany({ where: { OR: [{ at: { gt: start } }, { id: event.id }] } });
    await tx.auditEvent.create({ data: { ...event, domainId: inside.id, chainedAt: start } });
  });

/** What nobody who is limited to the domain may know about the member. */
export const hiddenFromDomain: Record<string, () => Promise<unknown>> = {
  'USER in another domain': () => grantTo(member, 'USER', abroad.id),
  'ADMIN in another domain': () => grantTo(member, 'ADMIN', abroad.id),
  'ADMIN in two other domains': () => Promise.all([grantTo(member, 'ADMIN', abroad.id), grantTo(member, 'ADMIN', beyond.id)]),
  'a custom role with all permissions in another domain': () => grantTo(member, 'KEEPER', abroad.id, { delegable: 3 }),
  'a grant in another domain that ends': () => grantTo(member, 'ADMIN', abroad.id, { expiresAt: inDays(1) }),
  'USER everywhere': () => grantTo(member, 'USER', null),
  'a custom role with all permissions everywhere': () => grantTo(member, 'KEEPER', null, { delegable: 3 }),
  'an expired grant elsewhere': () => grantTo(member, 'ADMIN', abroad.id, { expiresAt: inDays(-1) }),
  'tokens, revocations and settings elsewhere': async () => {
    const token = { userId: member.uuid, expiresAt: inDays(9), idleExpiresAt: inDays(9) };
    await prisma.token.createMany({
      data: [
        { ...token, kind: 'SESSION' },
        { ...token, kind: 'API', domainId: abroad.id, scopes: ['users:read'] },
      ],
    });
    const revocation = { userId: member.uuid, tokenId: session.id, kind: 'SESSION', reason: 'LOGOUT', initiator: 'USER' } as const;
    await prisma.tokenRevocation.createMany({ data: [{ ...revocation, domainId: abroad.id }, revocation] });
    await prisma.userSetting.create({ data: { userId: member.uuid, key: 'theme', value: 'dark' } });
    await prisma.auditEvent.create({ data: { ...event, id: undefined as never, at: inDays(1), domainId: abroad.id } });
  },
};
export const allAtOnce = () => Promise.all(Object.values(hiddenFromDomain).map((make) => make().catch(ignoreDuplicate)));
export const holdsGrantElsewhere = (world: string) => /another domain$|other domains$|that ends$|at once$/.test(world);

/** Users that callers of the domain cannot see: they never could, or no longer can. */
export const hiddenUsers: Record<string, () => Promise<unknown>> = {
  'ADMIN everywhere': () => grantTo(stranger, 'ADMIN', null),
  'SUPERADMIN everywhere': () => grantTo(stranger, 'SUPERADMIN', null),
  'a custom role everywhere': () => grantTo(stranger, 'KEEPER', null),
  'ADMIN in the domain above': () => grantTo(stranger, 'ADMIN', inside.parentId),
  'a disabled account': () => prisma.user.update({ where: { id: stranger.uuid }, data: { enabled: false } }),
  'a deleted account': () => prisma.user.update({ where: { id: stranger.uuid }, data: { deletedAt: start } }),
  'membership of the domain beside a rank everywhere': async () => {
    await grantTo(stranger, 'USER', inside.id);
    await grantTo(stranger, 'ADMIN', null);
  },
};
