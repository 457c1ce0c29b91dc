import { randomUUID } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { type Config, readConfig } from '../src/config.ts';
import { type Database, openDatabase, openEmbeddedDatabase } from '../src/database/database.ts';
import type { Logger } from '../src/lib/logger.ts';

const server = process.env.TEST_DATABASE_URL || undefined;

/** A database of its own for one test file, and how other processes reach it (not where it is embedded). */
export interface TestDatabase {
  readonly db: Database;
  readonly url: string | undefined;
  drop(): Promise<void>;
}

export const isEmbedded = server === undefined;

let template: Promise<PGlite> | undefined;

/** A fresh, migrated database: a clone of a template where it is embedded, one more database where there is a server. */
export async function createTestDatabase(config: Config, log: Logger): Promise<TestDatabase> {
  if (!server) {
    template ??= made();
    const pglite = (await (await template).clone()) as PGlite;
    const db = await openEmbeddedDatabase({ pglite, close: () => pglite.close() });
    return { db, url: undefined, drop: () => db.close() };
  }
  const name = `fieldgate_test_${randomUUID().replaceAll('-', '')}`;
  await administer(`create database ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const db = await openDatabase({ ...config, DATABASE_URL: url }, log);
  const drop = async () => {
    await db.close();
    await administer(`drop database ${name} with (force)`);
  };
  return { db, url, drop };
}

async function made() {
  const pglite = await PGlite.create();
  const db = await openEmbeddedDatabase({ pglite, close: async () => {} });
  await db.prisma.$disconnect();
  return pglite;
}

async function administer(statement: string) {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
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

const { generateKeys } = await import('../src/identity/keys/configured-keys.ts');
const keys = await generateKeys();
