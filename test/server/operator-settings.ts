import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { atEnd } from '../at-end.ts';
import { inspectDatabase, tempEnvironment } from '../cli/process.ts';
import { isEmbedded } from '../test-database.ts';

export type Environment = Record<string, string>;

export const server = process.env.TEST_DATABASE_URL ?? '';

/** A database with the statements of its operator already applied. */
export async function databaseWith(...statements: string[]) {
  const own = await tempEnvironment();
  atEnd(own.cleanUp);
  if (isEmbedded) {
    await inspectDatabase(own.environment, async ({ query }) => {
      for (const text of statements) await query({ text: text.replaceAll('THIS', 'postgres'), values: [] });
    });
  } else {
    const url = own.environment.DATABASE_URL ?? '';
    for (const text of statements) await execute(url, text.replaceAll('THIS', new URL(url).pathname.slice(1)));
  }
  return own.environment;
}

export async function execute(url: string, text: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text).finally(() => client.end());
}

/** The environment with parameters in DATABASE_URL. */
export const withParameters = ({ DATABASE_URL = '', ...others }: Environment, parameters: Environment) => {
  const url = new URL(DATABASE_URL);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { ...others, DATABASE_URL: url.href };
};

/** The environment with a role of its own, which is superuser like that of the tests, and whose sessions have these settings. */
export async function withRole(environment: Environment, settings: Environment) {
  const name = `fieldgate_${randomBytes(6).toString('hex')}`;
  await execute(server, `create role ${name} login superuser password '${name}'`);
  for (const [setting, value] of Object.entries(settings)) await execute(server, `alter role ${name} set ${setting} = ${value}`);
  atEnd(() => execute(server, `drop role ${name}`));
  const url = Object.assign(new URL(environment.DATABASE_URL ?? ''), { username: name, password: name });
  return { ...environment, DATABASE_URL: url.href };
}
