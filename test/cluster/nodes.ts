import { randomUUID } from 'node:crypto';
import { openDatabase } from '../../src/database/database.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { launch, listening, place } from '../cli/process.ts';
import { testConfig } from '../test-database.ts';
import { newAddress } from '../test-server.ts';

const password = 'horses of the correct battery';

/** A server in a process of its own. */
export type Node = Awaited<ReturnType<typeof startNode>>;

// biome-ignore lint/suspicious/noExplicitAny: an untyped document answers anything
type Told = { data: any; code: string | undefined };

/** What an operation is asked with. */
interface Asking {
  readonly token?: string | undefined;
  readonly address?: string;
}

/** Servers in processes of their own on one PostgreSQL, and a way to look into it. */
export async function startNodes(count: number, settings: Record<string, string> = {}) {
  const here = await place();
  const environment = { ...here.environment, TRUSTED_PROXIES: '1', ALLOWED_HOSTS: '127.0.0.1', LOG_LEVEL: 'warn', ...settings };
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(environment)));
  const db = await openDatabase(testConfig(here.environment), createLogger({ LOG_LEVEL: 'silent' }));
  const leave = async () => {
    await db.close();
    await here.leave();
  };
  return { nodes, db, environment, leave, start: (others: Record<string, string> = {}) => startNode({ ...environment, ...others }) };
}

async function startNode(environment: Record<string, string>) {
  const process = launch(globalThis.process.execPath, ['src/server/main.ts'], environment);
  const { url } = await listening(process);

  async function ask(query: string, variables: object = {}, { token, address = newAddress() }: Asking = {}): Promise<Told> {
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
  return { url, ask, kill, said: process.said };
}

/** Somebody who has just registered. */
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
  const { data } = await node.ask(`mutation ($input: RegisterInput!) { register(input: $input) { session ${session} } }`, { input });
  return { ...input, ...toSession(data.register.session) };
}

/** One more session of somebody. */
export async function logIn(node: Node, { email, password }: Member): Promise<Member> {
  const { data } = await node.ask(`mutation ($input: LoginInput!) { login(input: $input) { ... on Session ${session} } }`, {
    input: { email, password },
  });
  return { email, password, ...toSession(data.login) };
}

export const refresh = (node: Node, refreshToken: string) =>
  node.ask('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }', { input: { refreshToken } });

function toSession({ accessToken, refreshToken, token }: { accessToken: string; refreshToken: string; token: { id: string } }) {
  return { accessToken, refreshToken, sid: Buffer.from(token.id, 'base64').toString().replace('Token:', '') };
}
