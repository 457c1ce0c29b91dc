import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/database/database.ts';
import { generateKeys } from '../src/identity/keys/configured-keys.ts';
import { createLogger } from '../src/lib/logger.ts';

declare module 'vitest' {
  interface ProvidedContext {
    templateDatabase: string;
  }
}

const server = process.env.TEST_DATABASE_URL || undefined;
let template: Promise<string> | undefined;

/** Migrates one database on the PostgreSQL of TEST_DATABASE_URL; that of every test file is a copy of it. Drops it in the end. */
export default async function setUp(project: TestProject) {
  const isFirst = template === undefined;
  template ??= server ? createTemplate(server) : Promise.resolve('');
  const name = await template;
  project.provide('templateDatabase', name);
  return async () => {
    if (server && isFirst) await execute(server, `drop database ${name} with (force)`);
  };
}

async function createTemplate(server: string): Promise<string> {
  const name = `fieldgate_template_${randomUUID().replaceAll('-', '')}`;
  await execute(server, `create database ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const config = readConfig({ NODE_ENV: 'test', DATABASE_URL: url, ...(await generateKeys()) });
  const db = await openDatabase(config, createLogger('silent'));
  await db.close();
  return name;
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
