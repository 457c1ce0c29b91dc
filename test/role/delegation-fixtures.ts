import { encodeGlobalID } from '@pothos/plugin-relay';
import type { QueryResult, TestServer, TestUser } from '../test-server.ts';
import { rolesHeldIn } from './roles-held.ts';

/** A grant as returned by grantRole. */
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

/** Three nested domains and one beside them; the roles READER, GLANCER with fewer permissions and WRITER with different ones. */
export async function seedDelegation(server: TestServer) {
  for (const [name, parent] of [['top'], ['middle', 'top'], ['bottom', 'middle'], ['aside']] as const) await server.domain(name, parent);
  const roles = { READER: ['users:read', 'roles:read'], GLANCER: ['users:read'], WRITER: ['users:read', 'settings:write'] };
  for (const [name, permissions] of Object.entries(roles)) await server.db.prisma.role.create({ data: { name, permissions } });
  const superadmin = await server.user('SUPERADMIN');

  /** Grants a role, by default READER in the domain middle. */
  const delegate = (by: Caller, to: Pick<TestUser, 'id'>, input: Input = {}): Promise<QueryResult<GrantRoleResult>> => {
    const { role = 'READER', domain = 'middle', ...rest } = input;
    return by.query(grantDocument, { input: { userId: to.id, role, ...(domain && { domain }), ...rest } });
  };
  const revoke = (by: Caller, from: Pick<TestUser, 'id'>, role = 'READER', domain: string | null = 'middle') =>
    by.query(revokeDocument, { input: { userId: from.id, role, ...(domain && { domain }) } });

  const member = () => server.user('USER', 'middle');
  /** A user with a grant of READER in the domain middle with this delegable count, made by a superadmin. */
  const holder = async (delegable: number, input: Input = {}) => {
    const person = await member();
    const { data } = await delegate(superadmin, person, { delegable, ...input });
    return { ...person, grantId: data.grantRole.grant?.id };
  };
  /** Holders of READER in the domain middle. Each has delegated it to the next. */
  const chain = async (length: number) => {
    const line: TestUser[] = [await holder(length)];
    for (let left = length - 1; left > 0; left -= 1) {
      const next = await member();
      await delegate(line.at(-1) as TestUser, next, { delegable: left });
      line.push(next);
    }
    return line as [TestUser, TestUser, TestUser];
  };
  /** The roles of a user except USER in the domain middle, which all of them have. */
  const rolesOf = rolesHeldIn(server, { NOT: { role: { name: 'USER' }, domain: { name: 'middle' } } });
  const grantOf = async ({ uuid }: Pick<TestUser, 'uuid'>, role = 'READER') => {
    const grant = await server.db.prisma.roleGrant.findFirstOrThrow({ where: { userId: uuid, role: { name: role } } });
    return { ...grant, globalId: encodeGlobalID('RoleGrant', grant.id) };
  };
  return { superadmin, delegate, revoke, member, holder, chain, rolesOf, grantOf };
}

export const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
export const inTwoHours = () => new Date(Date.now() + 7_200_000).toISOString();
