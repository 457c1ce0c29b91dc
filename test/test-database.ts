import { randomUUID } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { type Config, readConfig } from '../src/config.ts';
import { type Database, openDatabase, openEmbeddedDatabase } from '../src/database/database.ts';
import { generateKeys } from '../src/identity/keys/configured-keys.ts';
import type { Logger } from '../src/logger.ts';
import { readContent, restoreContent } from './embedded-content.ts';

const server = process.env.TEST_DATABASE_URL || undefined;

/** The database of one test file. `url` is how other processes reach it; undefined if it is embedded. */
export interface TestDatabase {
  readonly db: Database;
  readonly url: string | undefined;
  drop(): Promise<void>;
}

export const isEmbedded = server === undefined;

/** Opens a fresh, migrated database on the PostgreSQL of TEST_DATABASE_URL, or an embedded one if that is not set. */
export function createTestDatabase(config: Config, log: Logger): Promise<TestDatabase> {
  return server ? createOnServer(server, config, log) : createEmbedded();
}

/** Copies the database that the global setup has migrated once (test/global-setup.ts), which takes a fraction of the time. */
async function createOnServer(server: string, config: Config, log: Logger): Promise<TestDatabase> {
  const name = `fieldgate_test_${randomUUID().replaceAll('-', '')}`;
  // `file_copy` takes about two thirds of the time of the default, which writes every page to the WAL.
  await administer(server, `create database ${name} template ${process.env.TEST_TEMPLATE_DATABASE} strategy file_copy`);
  // A commit is as visible and as final to every connection as ever; only a crash of the machine could lose it.
  await administer(server, `alter database ${name} set synchronous_commit = off`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const db = await openDatabase({ ...config, DATABASE_URL: url }, log);
  const drop = async () => {
    await db.close();
    await administer(server, `drop database ${name} with (force)`);
  };
  return { db, url, drop };
}

async function administer(server: string, statement: string) {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The embedded databases that no test file uses now. Restoring one takes 0.1 s, creating or cloning one takes seconds. */
const idle: PGlite[] = [];
let migratedContent: ReturnType<typeof readContent> | undefined;

async function createEmbedded(): Promise<TestDatabase> {
  const pglite = (await restored(idle.pop())) ?? (await PGlite.create());
  const db = await openEmbeddedDatabase({ pglite, close: async () => {} });
  await pglite.refreshArrayTypes(); // those of the enums that the migrations have created
  migratedContent ??= readContent(pglite);
  await migratedContent;
  const drop = async () => {
    await db.close();
    idle.push(pglite);
  };
  return { db, url: undefined, drop };
}

/** The database with its content as it was after the migrations; undefined if a test has changed its schema. */
async function restored(pglite: PGlite | undefined): Promise<PGlite | undefined> {
  if (!pglite || !migratedContent) return undefined;
  if (await restoreContent(pglite, await migratedContent)) return pglite;
  await pglite.close();
  return undefined;
}

/** The settings of a server under test. */
export const testConfig = (settings: Record<string, string> = {}) =>
  readConfig({
    NODE_ENV: 'test',
    PORT: '0',
    PUBLIC_URL: 'http://fieldgate.test',
    ALLOWED_HOSTS: '127.0.0.1,localhost',
    TRUSTED_PROXIES: '1',
    DATA_DIR: '/nowhere',
    ...keys,
    ...settings,
  });

const keys = await generateKeys();
