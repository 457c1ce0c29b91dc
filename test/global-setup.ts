import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/database/database.ts';
import { generateKeys } from '../src/identity/keys/configured-keys.ts';
import { createLogger } from '../src/logger.ts';

const server = process.env.TEST_DATABASE_URL || undefined;

/**
 * Migrates one database on the PostgreSQL of TEST_DATABASE_URL; that of every test file is a copy of it. Drops it in the end. Each vitest
 * project runs this; the first one sets the name for all.
 */
export default async function setUp() {
  if (!server || process.env.TEST_TEMPLATE_DATABASE) return;
  const name = `fieldgate_template_${randomUUID().replaceAll('-', '')}`;
  process.env.TEST_TEMPLATE_DATABASE = name;
  await createTemplate(server, name);
  return () => execute(server, `drop database ${name} with (force)`);
}

async function createTemplate(server: string, name: string) {
  await execute(server, `create database ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const config = readConfig({ NODE_ENV: 'test', DATABASE_URL: url, ...(await generateKeys()) });
  const db = await openDatabase(config, createLogger('silent'));
  await db.close();
}

async function execute(server: string, statement: string) {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
