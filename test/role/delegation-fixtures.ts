import { encodeGlobalID } from '@pothos/plugin-relay';
import type { QueryResult, TestServer, TestUser } from '../test-server.ts';
import { rolesHeldIn } from './roles-held.ts';

/** What a grant says of itself. */
interface GrantResult {
  readonly id: string;
  readonly delegable: number;
  readonly expiresAt: string | null;
  readonly path: ({ readonly id: string } | null)[];
}

interface GrantRoleResult {
  readonly grantRole: { readonly changed: boolean; readonly grant: GrantResult | null };
}

type Input = { role?: string; domain?: string | null; expiresAt?: string; delegable?: number; dryRun?: boolean };
type Caller = Pick<TestUser, 'query'>;

const grantDocument =
  'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed grant { id delegable expiresAt path { id } } } }';
const revokeDocument = 'mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { changed } }';

/** Domains one above the other and one aside; READER, who finds members, GLANCER, who may less, and WRITER, who may something else. */
export async function seedDelegation(server: TestServer) {
  for (const [name, parent] of [['top'], ['middle', 'top'], ['bottom', 'middle'], ['aside']] as const) await server.domain(name, parent);
  const roles = { READER: ['users:read', 'roles:read'], GLANCER: ['users:read'], WRITER: ['users:read', 'settings:write'] };
  for (const [name, permissions] of Object.entries(roles)) await server.db.prisma.role.create({ data: { name, permissions } });
  const superadmin = await server.user('SUPERADMIN');

  /** READER in the middle, unless said. */
  const pass = (by: Caller, to: Pick<TestUser, 'id'>, input: Input = {}): Promise<QueryResult<GrantRoleResult>> => {
    const { role = 'READER', domain = 'middle', ...rest } = input;
    return by.query(grantDocument, { input: { userId: to.id, role, ...(domain && { domain }), ...rest } });
  };
  const revoke = (by: Caller, from: Pick<TestUser, 'id'>, role = 'READER', domain: string | null = 'middle') =>
    by.query(revokeDocument, { input: { userId: from.id, role, ...(domain && { domain }) } });

  const member = () => server.user('USER', 'middle');
  /** Somebody to whom a superadmin granted READER in the middle, to be passed on so often. */
  const holder = async (delegable: number, input: Input = {}) => {
    const person = await member();
    const { data } = await pass(superadmin, person, { delegable, ...input });
    return { ...person, grantId: data.grantRole.grant?.id };
  };
  /** Holders of READER in the middle, each of whom passed it on to the next. */
  const chain = async (length: number) => {
    const line: TestUser[] = [await holder(length)];
    for (let left = length - 1; left > 0; left -= 1) {
      const next = await member();
      await pass(line.at(-1) as TestUser, next, { delegable: left });
      line.push(next);
    }
    return line as [TestUser, TestUser, TestUser];
  };
  /** What is held besides USER in the middle, with which everybody begins. */
  const held = rolesHeldIn(server, { NOT: { role: { name: 'USER' }, domain: { name: 'middle' } } });
  const grantOf = async ({ uuid }: Pick<TestUser, 'uuid'>, role = 'READER') => {
    const grant = await server.db.prisma.roleGrant.findFirstOrThrow({ where: { userId: uuid, role: { name: role } } });
    return { ...grant, globalId: encodeGlobalID('RoleGrant', grant.id) };
  };
  return { superadmin, pass, revoke, member, holder, chain, held, grantOf };
}

export const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
export const inTwoHours = () => new Date(Date.now() + 7_200_000).toISOString();
