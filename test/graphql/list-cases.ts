import { randomUUID } from 'node:crypto';
import { waitForChain } from '../audit/wait-for-chain.ts';
import { newEmail } from '../invitation/fixtures.ts';
import type { TestServer, TestUser } from '../test-server.ts';

/** A connection of the schema, with what the tests of all lists need to know of it. */
export interface ListCase {
  /** The field, as in the schema. */
  readonly coordinate: string;
  /** Its arguments besides those for paging; `orderBy` is added. */
  readonly criteria: string;
  /** Every order of the list; one of them is undefined, the default. */
  readonly orders: readonly (string | undefined)[];
  /** The fields around the connection. `?` stands for it. */
  readonly path: string;
  /** What identifies a node. */
  readonly identity: string;
  /** Makes this many rows match the criteria, and no others. */
  seed(count: number): Promise<void>;
  /** The ways in which a row goes: out of the filter, out of sight, out of the database. */
  readonly removals: Readonly<Record<string, (id: string) => Promise<unknown>>>;
}

const mutate = async (person: TestUser, name: string, input: object) => {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const { errors } = await person.query(`mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`, { input });
  if (errors) throw new Error(`${name}: ${JSON.stringify(errors)}`);
};

const uuidOf = (id: string) => Buffer.from(id, 'base64').toString().split(':')[1] ?? '';

/** The connections of the schema. Values repeat, and some are null, so that pages end between equal keys. */
export async function listCases(server: TestServer, { admin, superadmin }: { admin: TestUser; superadmin: TestUser }): Promise<ListCase[]> {
  const { prisma } = server.db;
  const owner = await server.user();
  const reader = await server.user();
  await server.domain('parent');
  const times = [new Date('2026-01-01T00:00:00.001Z'), new Date('2026-01-01T00:00:00.002Z')];
  const timeOf = (index: number) => times[Math.floor(index / 3) % 2] as Date;
  const pick = <T>(values: readonly T[], index: number) => values[index % values.length] as T;

  /** Hides events from administrators, who see none about a superadmin: events cannot be deleted. */
  const hide = async (events: readonly { readonly userId: string | null }[]) => {
    const held = await prisma.roleGrant.findMany({ where: { role: { name: 'SUPERADMIN' } } });
    const holders = new Set(held.map(({ userId }) => userId));
    for (const { userId } of events) if (userId && !holders.has(userId)) await server.grant(userId, 'SUPERADMIN');
  };
  const viaOwner = `user(id: "${owner.id}") { ? }`;
  return [
    {
      coordinate: 'Query.users',
      criteria: 'filter: { enabled: true, search: "Listed" }',
      orders: [undefined, ...['createdAt', 'displayName', 'email'].flatMap((by) => [`{ ${by}: ASC }`, `{ ${by}: DESC }`])],
      path: '?',
      identity: 'id',
      seed: async (count) => {
        const row = (index: number) => {
          const email = `${randomUUID()}@example.com`;
          const displayName = pick(['Same', null, 'Same', 'ä', null, 'Zoe', 'same'], index);
          return { email, emailKey: email, displayName, firstName: 'Listed', createdAt: timeOf(index) };
        };
        await prisma.user.deleteMany({ where: { firstName: 'Listed' } });
        await prisma.user.createMany({ data: Array.from({ length: count }, (_, index) => row(index)) });
      },
      removals: {
        disabled: (id) => mutate(admin, 'disableUser', { id }),
        'deleted from the database': (id) => prisma.user.delete({ where: { id: uuidOf(id) } }),
      },
    },
    {
      coordinate: 'User.tokens',
      criteria: 'revoked: false',
      orders: [undefined],
      path: viaOwner,
      identity: 'id',
      seed: async (count) => {
        await prisma.token.deleteMany({ where: { userId: owner.uuid } });
        const expiresAt = new Date(Date.now() + 3_600_000);
        const row = { kind: 'SESSION' as const, userId: owner.uuid, expiresAt, idleExpiresAt: expiresAt };
        await prisma.token.createMany({ data: Array.from({ length: count }, () => row) });
      },
      removals: {
        revoked: (id) => mutate(admin, 'revokeToken', { id }),
        'deleted from the database': (id) => prisma.token.delete({ where: { id: uuidOf(id) } }),
      },
    },
    {
      coordinate: 'User.settings',
      criteria: '',
      orders: [undefined],
      path: viaOwner,
      identity: 'id',
      seed: async (count) => {
        const row = (index: number) => ({ userId: owner.uuid, key: `key-${index}`, value: 'x' });
        await prisma.userSetting.deleteMany();
        await prisma.userSetting.createMany({ data: Array.from({ length: count }, (_, index) => row(index)) });
      },
      removals: { deleted: (id) => mutate(admin, 'deleteSetting', { id }) },
    },
    {
      coordinate: 'User.fieldReads',
      criteria: '',
      orders: [undefined],
      path: 'me { ? }',
      identity: 'field',
      seed: async (count) => {
        const row = (index: number) => ({
          userId: admin.uuid,
          actorId: reader.uuid,
          field: `User.field${index}`,
          via: 'admin',
          day: times[0] as Date,
          at: timeOf(index),
        });
        await prisma.fieldRead.deleteMany();
        await prisma.fieldRead.createMany({ data: Array.from({ length: count }, (_, index) => row(index)) });
      },
      removals: { 'deleted from the database': (field) => prisma.fieldRead.deleteMany({ where: { field } }) },
    },
    {
      coordinate: 'Query.domains',
      criteria: 'filter: { active: true, search: "listed-" }',
      orders: [undefined],
      path: '?',
      identity: 'id',
      seed: async (count) => {
        await prisma.domain.deleteMany({ where: { name: { startsWith: 'listed-' } } });
        for (let index = 0; index < count; index += 1) await server.domain(`listed-${randomUUID()}`);
      },
      removals: {
        disabled: (id) => mutate(admin, 'updateDomain', { id, active: false }),
        deleted: (id) => mutate(superadmin, 'deleteDomain', { id }),
      },
    },
    {
      coordinate: 'Domain.children',
      criteria: '',
      orders: [undefined],
      path: 'domain(name: "parent") { ? }',
      identity: 'id',
      seed: async (count) => {
        await prisma.domain.deleteMany({ where: { name: { startsWith: 'child-' } } });
        for (let index = 0; index < count; index += 1) await server.domain(`child-${randomUUID()}`, 'parent');
      },
      removals: { deleted: (id) => mutate(superadmin, 'deleteDomain', { id }) },
    },
    {
      coordinate: 'Query.roles',
      criteria: '',
      orders: [undefined],
      path: '?',
      identity: 'id',
      seed: async (count) => {
        const row = () => ({ name: `ROLE_${randomUUID().replaceAll('-', '').toUpperCase()}` });
        await prisma.role.deleteMany({ where: { builtIn: false } });
        const builtIn = await prisma.role.count();
        await prisma.role.createMany({ data: Array.from({ length: count - builtIn }, row) });
      },
      removals: {
        'deleted, unless it is built in': async (id) => {
          const { builtIn } = await prisma.role.findUniqueOrThrow({ where: { id: uuidOf(id) } });
          if (!builtIn) await mutate(superadmin, 'deleteRole', { id });
        },
      },
    },
    {
      coordinate: 'Query.invitations',
      criteria: 'filter: { pending: true }',
      orders: [undefined],
      path: '?',
      identity: 'id',
      seed: async (count) => {
        await prisma.invitation.deleteMany();
        const { id: roleId } = await prisma.role.findUniqueOrThrow({ where: { name: 'USER' } });
        const row = () => {
          const email = newEmail();
          return { email, emailKey: email, roleId, invitedById: admin.uuid, expiresAt: new Date(Date.now() + 3_600_000) };
        };
        await prisma.invitation.createMany({ data: Array.from({ length: count }, row) });
      },
      removals: {
        revoked: (id) => mutate(admin, 'revokeInvitation', { id }),
        'deleted from the database': (id) => prisma.invitation.delete({ where: { id: uuidOf(id) } }),
      },
    },
    {
      coordinate: 'Query.auditEvents',
      criteria: 'filter: { action: "listed" }',
      orders: [undefined],
      path: '?',
      identity: 'id',
      seed: async (count) => {
        await hide(await prisma.auditEvent.findMany({ where: { action: 'listed' } }));
        for (let index = 0; index < count; index += 1) {
          const { id: userId } = await prisma.user.create({ data: { email: newEmail(), emailKey: newEmail() } });
          await prisma.auditEvent.create({ data: { action: 'listed', result: 'success', userId, at: timeOf(index) } });
        }
        await waitForChain(server);
      },
      removals: {
        'hidden from the caller': async (id) => hide([await prisma.auditEvent.findUniqueOrThrow({ where: { id: uuidOf(id) } })]),
      },
    },
  ];
}
