import { randomUUID } from 'node:crypto';
import { openDatabase } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { spawnProcess, tempEnvironment, waitUntilListening } from '../cli/process.ts';
import { testConfig } from '../test-database.ts';
import { uniqueAddress } from '../test-server.ts';

const password = 'horses of the correct battery';

/** A server process. */
export type Node = Awaited<ReturnType<typeof startNode>>;

// biome-ignore lint/suspicious/noExplicitAny: an untyped document answers anything
type QueryResult = { data: any; code: string | undefined };

/** Options of an operation. */
interface QueryOptions {
  readonly token?: string | undefined;
  readonly address?: string;
}

/** Starts server processes on one PostgreSQL and opens its database. */
export async function startNodes(count: number, settings: Record<string, string> = {}) {
  const here = await tempEnvironment();
  const environment = { ...here.environment, TRUSTED_PROXIES: '1', ALLOWED_HOSTS: '127.0.0.1', LOG_LEVEL: 'warn', ...settings };
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(environment)));
  const db = await openDatabase(testConfig(here.environment), createLogger('silent'));
  const leave = async () => {
    await db.close();
    await here.cleanUp();
  };
  return { nodes, db, environment, leave, start: (others: Record<string, string> = {}) => startNode({ ...environment, ...others }) };
}

export async function startNode(environment: Record<string, string>, main = 'src/server/main.ts') {
  const process = spawnProcess(globalThis.process.execPath, [main], environment);
  const { url } = await waitUntilListening(process);

  async function query(
    query: string,
    variables: object = {},
    { token, address = uniqueAddress() }: QueryOptions = {},
  ): Promise<QueryResult> {
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': address, ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await answer.json()) as { data: unknown; errors?: { extensions: { code: string } }[] };
    return { data, code: errors?.[0]?.extensions.code };
  }

  const kill = async () => {
    process.child.kill('SIGKILL');
    await process.ended;
  };
  /** Asks the server to stop. */
  const terminate = () => process.child.kill('SIGTERM');
  return { url, query, kill, terminate, said: process.output };
}

/** A registered user with a session. */
export interface Member {
  readonly email: string;
  readonly password: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** The id of the session in the database. */
  readonly sid: string;
}

const session = '{ accessToken refreshToken token { id } }';

export async function register(node: Node): Promise<Member> {
  const input = { email: `${randomUUID()}@example.com`, password };
  const { data } = await node.query(`mutation ($input: RegisterInput!) { register(input: $input) { session ${session} } }`, { input });
  return { ...input, ...toSession(data.register.session) };
}

/** Creates another session of a user. */
export async function logIn(node: Node, { email, password }: Member): Promise<Member> {
  const { data } = await node.query(`mutation ($input: LoginInput!) { login(input: $input) { ... on Session ${session} } }`, {
    input: { email, password },
  });
  return { email, password, ...toSession(data.login) };
}

export const refresh = (node: Node, refreshToken: string) =>
  node.query('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }', { input: { refreshToken } });

function toSession({ accessToken, refreshToken, token }: { accessToken: string; refreshToken: string; token: { id: string } }) {
  return { accessToken, refreshToken, sid: Buffer.from(token.id, 'base64').toString().replace('Token:', '') };
}
