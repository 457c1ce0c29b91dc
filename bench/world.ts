import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeys } from '../src/identity/keys/configured-keys.ts';
import { addressOf, startChild, stopChildren } from './children.ts';
import { emailOf, openScratch, password, type Scratch } from './temp-database.ts';

/** What every workload needs: a filled database, a server on it, and a folder for files. */
export interface World {
  readonly scratch: Scratch;
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly server: Server;
  close(): Promise<void>;
}

export interface Server {
  readonly child: ChildProcess;
  readonly url: string;
}

/** `flagsIn` are flags of Node.js for the server, which may write files into the folder. */
export async function openWorld(flagsIn: (folder: string) => readonly string[]): Promise<World> {
  const scratch = await openScratch();
  const folder = mkdtempSync(join(tmpdir(), 'fieldgate-bench-'));
  const close = async () => {
    await stopChildren();
    await scratch.drop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const environment = {
      NODE_ENV: 'production',
      PORT: '0',
      HOST: '127.0.0.1',
      DATABASE_URL: scratch.url,
      PUBLIC_URL: 'http://127.0.0.1',
      SMTP_URL: 'smtp://127.0.0.1:1', // unreachable: emails stay queued
      MAIL_FROM: 'no-reply@example.com',
      ACCESS_TOKEN_TTL: '15m',
      TRUSTED_PROXIES: '1',
      ...(await generateKeys()),
    };
    const server = await startServer(environment, flagsIn(folder));
    await scratch.seed();
    return { scratch, folder, environment, server, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function startServer(environment: NodeJS.ProcessEnv, flags: readonly string[] = []): Promise<Server> {
  const child = startChild('measured', join(import.meta.dirname, '../src/server/main.ts'), environment, flags);
  return { child, url: `${await addressOf(child)}/graphql` };
}

/** Sends one operation. Throws its errors. */
export async function send<Data>(url: string, query: string, variables: object, headers: Record<string, string> = {}): Promise<Data> {
  const body = JSON.stringify({ query, variables });
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const answer = (await response.json()) as { data?: Data; errors?: unknown };
  if (!answer.data || answer.errors) throw new Error(`${query}: ${JSON.stringify(answer.errors)}`);
  return answer.data;
}

export const loginDocument =
  'mutation Login($input: LoginInput!) { login(input: $input) { ... on Session { accessToken refreshToken token { id } } } }';

interface Entered {
  login: { accessToken: string; refreshToken: string; token: { id: string } };
}

/** Logs in as a browser would, each account from its own address. */
export async function logIn(url: string, email: string, index: number) {
  const headers = { 'x-forwarded-for': addressFor(index) };
  const { login } = await send<Entered>(url, loginDocument, { input: { email, password } }, headers);
  return { ...login, authorization: `Bearer ${login.accessToken}` };
}

export const addressFor = (index: number) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;

/** Logs in some of the ordinary users. */
export async function logInUsers(url: string, count: number) {
  const entered: Awaited<ReturnType<typeof logIn>>[] = [];
  for (let index = 1; index <= count; index += 1) entered.push(await logIn(url, emailOf(index), index));
  return entered;
}
