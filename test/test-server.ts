import { randomInt, randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { createClient, type Client as SocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { hashPassword } from '../src/identity/credentials/password-hash.ts';
import { insertSession } from '../src/identity/logins/insert-session.ts';
import { type IssuingSession, signAccessToken } from '../src/identity/tokens/access-token.ts';
import { generateToken, hashToken } from '../src/identity/tokens/opaque-token.ts';
import { createLogger } from '../src/logger.ts';
import { startServer } from '../src/server/start.ts';
import { atEnd } from './at-end.ts';
import type { TypedDocumentString } from './generated/graphql.ts';
import { createTestDatabase, testConfig } from './test-database.ts';

/** The response to an operation over HTTP. */
export interface QueryResult<Data> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Data;
  readonly errors: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> & { code: string } }[] | undefined;
  /** The code of the first error. */
  readonly code: string | undefined;
}

type OperationDocument<Data, Variables> = TypedDocumentString<Data, Variables> | string;

/** A user with a session and a network address of their own. */
export interface TestUser {
  readonly id: string;
  /** The id in the database. */
  readonly uuid: string;
  readonly email: string;
  readonly password: string;
  readonly address: string;
  accessToken: string | undefined;
  refreshToken: string;
  /** The id of the session. */
  tokenId: string;
  // biome-ignore lint/suspicious/noExplicitAny: untyped documents return any data
  query<Data = any, Variables = any>(document: OperationDocument<Data, Variables>, variables?: Variables): Promise<QueryResult<Data>>;
  socket(): SocketClient;
}

export type Role = 'SUPERADMIN' | 'ADMIN' | 'USER' | (string & {});

const password = 'correct horse battery staple';
const hash = await hashPassword(password);
const login = `mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken refreshToken token { id } } } }`;

/** Starts a server with its own database. It stops with the test that started it, or else with the test file. */
export async function startTestServer(settings: Record<string, string> = {}) {
  const config = testConfig(settings);
  const lines: string[] = [];
  const log = createLogger(config.LOG_LEVEL, collectLines(lines));
  const { db, url: databaseUrl, drop } = await createTestDatabase(config, log);
  const running = await startServer(config, log, db);
  const sockets: SocketClient[] = [];
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    for (const socket of sockets) await socket.dispose();
    await running.stop();
    await drop();
  };
  atEnd(close);

  /** Executes an operation over HTTP. */
  // biome-ignore lint/suspicious/noExplicitAny: untyped documents return any data
  async function query<Data = any, Variables = any>(
    document: OperationDocument<Data, Variables>,
    variables?: Variables,
    {
      token,
      address = uniqueAddress(),
      headers = {},
    }: { token?: string | undefined; address?: string; headers?: Record<string, string> } = {},
  ): Promise<QueryResult<Data>> {
    const response = await fetch(`${running.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': address,
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: JSON.stringify({ query: String(document), variables }),
    });
    const body = (await response.json()) as Pick<QueryResult<Data>, 'data' | 'errors'>;
    return { status: response.status, headers: response.headers, ...body, code: body.errors?.[0]?.extensions.code };
  }

  /** A new session of a user, by `login`. */
  async function logIn(email: string, uuid: string, domain?: string): Promise<TestUser> {
    const address = uniqueAddress();
    const { data, errors } = await query(login, { input: { email, password, domain } }, { address });
    if (errors) throw new Error(`${email} cannot log in: ${JSON.stringify(errors)}`);
    const { accessToken, refreshToken, token } = data.login;
    return testUser({ email, uuid, address, accessToken, refreshToken, tokenId: token.id });
  }

  /** A new session of a user, inserted and signed as in `login` but without verifying the password, which is slow by design. */
  async function newSession({ email, uuid }: Pick<TestUser, 'email' | 'uuid'>, domainId: string | null = null): Promise<TestUser> {
    const address = uniqueAddress();
    const refreshToken = generateToken('refresh');
    const inserted = await insertSession(db, {
      userId: uuid,
      domainId,
      description: null,
      secretHash: hashToken(refreshToken),
      client: { network: address, agent: 'node', requestId: randomUUID() },
      config,
      proof: null,
      action: 'authn_login_success',
    });
    if (!inserted) throw new Error(`${email} is disabled or deleted`);
    return openSession({ email, uuid, address, refreshToken }, inserted);
  }

  /** The user of a session that is in the database. */
  function openSession(user: Pick<TestUser, 'email' | 'uuid' | 'address' | 'refreshToken'>, session: IssuingSession): TestUser {
    const { accessToken } = signAccessToken({ config, keys: running.keys }, session);
    return testUser({ ...user, accessToken, tokenId: encodeGlobalID('Token', session.id) });
  }

  function testUser(session: Pick<TestUser, 'email' | 'uuid' | 'address' | 'accessToken' | 'refreshToken' | 'tokenId'>): TestUser {
    const user: TestUser = {
      ...session,
      id: encodeGlobalID('User', session.uuid),
      password,
      query: (document, variables) => query(document, variables, { token: user.accessToken, address: user.address }),
      socket: () => socket(user.accessToken),
    };
    return user;
  }

  /** A user with a session. The role is held everywhere unless a domain is given; USER everywhere comes with every other role. */
  async function user(role: Role = 'USER', domain?: string): Promise<TestUser> {
    const email = `${randomUUID()}@example.com`;
    const created = await db.prisma.user.create({
      data: {
        email,
        emailKey: email,
        displayName: `User ${email.slice(0, 8)}`,
        emailConfirmedAt: new Date(),
        password: { create: { hash } },
      },
    });
    if (role !== 'USER' || !domain) await grant(created.id, role, domain);
    if (role === 'USER' && domain) await grant(created.id, 'USER', domain);
    return newSession({ email, uuid: created.id });
  }

  async function grant(userId: string, role: Role, domain?: string) {
    const { id: roleId } = await db.prisma.role.findUniqueOrThrow({ where: { name: role } });
    const domainId = domain ? (await db.prisma.domain.findUniqueOrThrow({ where: { name: domain } })).id : null;
    return db.prisma.roleGrant.create({ data: { userId, roleId, domainId } });
  }

  /** Creates a domain. */
  async function domain(name: string, parent?: string) {
    const parentId = parent ? (await db.prisma.domain.findUniqueOrThrow({ where: { name: parent } })).id : null;
    const made = await db.prisma.domain.create({ data: { name, displayName: name, parentId } });
    return { ...made, globalId: encodeGlobalID('Domain', made.id) };
  }

  /** A graphql-ws client. */
  function socket(
    accessToken?: string,
    connectionParams: Record<string, unknown> = accessToken ? { authorization: `Bearer ${accessToken}` } : {},
  ) {
    class WebSocketFromNewAddress extends WebSocket {
      constructor(to: string, protocols: string) {
        super(to, protocols, { headers: { 'x-forwarded-for': uniqueAddress() } });
      }
    }
    const client = createClient({
      url: `${running.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocketFromNewAddress,
      connectionParams,
      retryAttempts: 0,
      lazy: true,
    });
    sockets.push(client);
    return client;
  }

  return { ...running, config, log: lines, databaseUrl, close, query, user, grant, domain, logIn, newSession, openSession, socket };
}

export type TestServer = Awaited<ReturnType<typeof startTestServer>>;

/** A stream that collects what is written to it. */
const collectLines = (lines: string[]) =>
  new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk));
      done();
    },
  });

/** A random address, so that tests do not share rate limits. */
export const uniqueAddress = () => `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`;

/** A result without its headers and decision ids, which differ between any two requests. */
export const comparableResult = ({ headers: _, ...result }: QueryResult<unknown>) =>
  JSON.parse(JSON.stringify(result, (key, value) => (key === 'decisionId' ? undefined : value)));

/** A caller without a token. */
export const anonymous = (server: TestServer): Pick<TestUser, 'query'> => ({
  query: (document, variables) => server.query(document, variables),
});

/** Waits until the condition holds. Throws after 15 s. */
export async function waitUntil<T>(condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = Date.now() + 15_000;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (Date.now() > end) throw new Error(`did not hold within 15 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
