import { randomUUID } from 'node:crypto';
import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import type { Rule } from '../../src/access/rule.ts';
import { admin, superadmin } from '../../src/access/vocabulary.ts';
import type { Person } from '../world.ts';
import type { Persona, Row, Seen, Subject } from './matrix-truth.ts';
import { type Furnished, heldBySubject, session } from './matrix-world.ts';

/** What one cell is run with: a fresh target, the input that names it, and who asks, where not the caller in person. */
export interface Arranged {
  readonly input?: object;
  /** The row that the mutation's rule is about. */
  readonly row?: Seen;
  /** What the fields of the payload show. */
  readonly shows?: Row['shows'];
  readonly caller?: Person | undefined;
}

/** One way to use a mutation. */
export interface Use {
  readonly mutation: string;
  /** What is special about this use. */
  readonly as: string;
  /** Whether it is tried on every subject. */
  readonly onUsers: boolean;
  /** What this input asks for besides the mutation's rule. */
  readonly needs?: Rule;
  readonly provedLongAgo?: true;
  readonly neverOneself?: true;
  arrange(cell: Cell): Promise<Arranged>;
}

interface Cell {
  readonly matrix: Furnished;
  readonly persona: Persona;
  readonly subject: Subject;
}

const unique = () => randomUUID().slice(0, 8);

/** The same person in another session, which the mutation may end; for nobody, nobody. */
async function elsewhere({ matrix, persona, subject }: Cell): Promise<Person | undefined> {
  const caller = matrix.caller(persona, subject);
  return caller && matrix.signIn(caller.email, caller.uuid);
}

/** Somebody like the subject; the subject itself where it asks. */
async function target({ matrix, persona, subject }: Cell): Promise<string> {
  if (persona === 'self') return matrix.selves.get(subject)?.uuid ?? '';
  const email = `${randomUUID()}@example.com`;
  const { id } = await matrix.db.prisma.user.create({ data: { email, emailKey: email } });
  const [role, domain] = heldBySubject[subject];
  await matrix.grant(id, role, domain);
  await matrix.db.prisma.roleGrant.create({ data: { userId: id, roleId: matrix.role, domainId: matrix.domains.inside ?? null } });
  return id;
}

const onUser = (mutation: string, use: Partial<Use>, input: (userId: string, cell: Cell) => object | Promise<object>): Use => ({
  mutation,
  as: '',
  onUsers: true,
  ...use,
  arrange: async (cell) => {
    const userId = await target(cell);
    return { input: await input(encodeGlobalID('User', userId), cell), row: { type: 'User', kind: cell.subject } };
  },
});

/** Something that a target has. */
const onThing = (
  mutation: string,
  as: string,
  type: string,
  make: (userId: string, cell: Cell) => Promise<{ id: string }>,
  isElsewhere = false,
): Use => ({
  mutation,
  as,
  onUsers: true,
  arrange: async (cell) => {
    const { id } = await make(await target(cell), cell);
    const kind = isElsewhere && cell.subject === 'user' ? 'user, elsewhere' : cell.subject;
    return { input: { id: encodeGlobalID(type, id) }, row: { type, kind }, shows: { token: { type, kind } } };
  },
});

const plain = (mutation: string, arrange: Use['arrange'], use: Partial<Use> = {}): Use => ({
  mutation,
  as: '',
  onUsers: false,
  ...use,
  arrange,
});

const onRole = (mutation: string): Use =>
  plain(mutation, async ({ matrix }) => {
    const { id } = await matrix.db.prisma.role.create({ data: { name: `R_${unique().toUpperCase()}` } });
    return { input: { id: encodeGlobalID('Role', id) }, row: { type: 'Role', kind: 'other role' } };
  });

const onDomain = (mutation: string, as: string, change: object, needs?: Rule): Use =>
  plain(
    mutation,
    async ({ matrix }) => {
      const name = `d-${unique()}`;
      const { id } = await matrix.db.prisma.domain.create({ data: { name, displayName: name, parentId: matrix.domains.inside ?? null } });
      return { input: { id: encodeGlobalID('Domain', id), ...change }, row: { type: 'Domain', kind: 'active domain' } };
    },
    { as, ...(needs && { needs }) },
  );

/** A custom role of its own for each cell, so that nothing is granted twice. */
const newRole = async ({ matrix }: Cell) => (await matrix.db.prisma.role.create({ data: { name: `R_${unique().toUpperCase()}` } })).name;

const token = (userId: string, { matrix }: Cell, more: object) => matrix.db.prisma.token.create({ data: { ...session(userId), ...more } });

const scopes = { description: 'For a script', scopes: ['users:read'] };

/** Every mutation, in every way that somebody else may use it. */
export const uses: readonly Use[] = [
  plain('register', async (cell) => ({
    input: { email: `${randomUUID()}@example.com`, password: 'a long and winding passphrase' },
    caller: await elsewhere(cell),
  })),
  plain('login', async (cell) => {
    const { email, password } = cell.matrix.caller(cell.persona, cell.subject) ?? (cell.matrix.selves.get('user') as Person);
    return { input: { email, password }, caller: await elsewhere(cell) };
  }),
  plain('refresh', async (cell) => {
    const caller = (await elsewhere(cell)) ?? (await elsewhere({ ...cell, persona: 'self' }));
    return { input: { refreshToken: caller?.refreshToken }, caller: cell.persona === 'anonymous' ? undefined : caller };
  }),
  plain('reauthenticate', async (cell) => ({ input: { password: 'correct horse battery staple' }, caller: await elsewhere(cell) })),
  plain('logout', async (cell) => ({ caller: await elsewhere(cell) })),
  plain('logoutEverywhere', async () => ({ input: { exceptCurrent: true } })),
  plain('createApiToken', async () => ({ input: scopes })),
  plain(
    'createApiToken',
    async (cell) => {
      const caller = await elsewhere(cell);
      const { id } = caller ? decodeGlobalID(caller.tokenId) : {};
      const authenticatedAt = new Date(Date.now() - 3_600_000);
      if (id) await cell.matrix.db.prisma.token.update({ where: { id }, data: { authenticatedAt } });
      return { input: scopes, caller };
    },
    { as: 'an hour after the proof', provedLongAgo: true },
  ),
  plain('updateProfile', async () => ({ input: { firstName: 'New' } })),
  plain('createRole', async () => ({ input: { name: `R_${unique().toUpperCase()}` } })),
  onRole('updateRole'),
  onRole('deleteRole'),
  plain('createDomain', async () => ({ input: { name: `d-${unique()}`, displayName: 'New' } })),
  onDomain('updateDomain', 'displayName', { displayName: 'Renamed' }),
  onDomain('updateDomain', 'active', { active: false }, admin),
  onDomain('updateDomain', 'parent', { parent: 'above' }, superadmin),
  onDomain('deleteDomain', '', {}),
  onUser('enableUser', { neverOneself: true }, (id) => ({ id })),
  onUser('disableUser', { neverOneself: true }, (id) => ({ id })),
  onUser('setSetting', {}, (userId) => ({ userId, key: unique(), value: 'v' })),
  onThing('deleteSetting', '', 'UserSetting', (userId, { matrix }) =>
    matrix.db.prisma.userSetting.create({ data: { userId, key: unique(), value: 'v' } }),
  ),
  onThing('revokeToken', 'session in the domain', 'Token', (userId, cell) => token(userId, cell, { domainId: cell.matrix.domains.inside })),
  onThing('revokeToken', 'session elsewhere', 'Token', (userId, cell) => token(userId, cell, {}), true),
  onThing(
    'revokeToken',
    'API token in the domain',
    'Token',
    (userId, cell) => token(userId, cell, { kind: 'API', domainId: cell.matrix.domains.inside }),
    true,
  ),
  ...['grantRole', 'revokeRole'].flatMap((mutation) => [
    onUser(mutation, { as: 'USER in the domain' }, async (userId) => ({ userId, role: 'USER', domain: 'inside' })),
    onUser(mutation, { as: 'custom in the domain' }, async (userId, cell) => ({ userId, role: await newRole(cell), domain: 'inside' })),
    onUser(mutation, { as: 'custom abroad', needs: admin }, async (userId, cell) => ({
      userId,
      role: await newRole(cell),
      domain: 'abroad',
    })),
    onUser(mutation, { as: 'custom everywhere', needs: admin }, async (userId, cell) => ({ userId, role: await newRole(cell) })),
    onUser(mutation, { as: 'ADMIN in the domain', needs: superadmin }, (userId) => ({ userId, role: 'ADMIN', domain: 'inside' })),
    onUser(mutation, { as: 'ADMIN everywhere', needs: superadmin }, (userId) => ({ userId, role: 'ADMIN' })),
    onUser(mutation, { as: 'SUPERADMIN', needs: superadmin }, (userId) => ({ userId, role: 'SUPERADMIN' })),
  ]),
];
