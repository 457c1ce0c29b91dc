import { getIntrospectionQuery } from 'graphql';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgresql://nowhere/nothing',
  SMTP_URL: 'smtp://127.0.0.1:1',
  MAIL_FROM: 'no-reply@example.com',
  REQUIRE_EMAIL_CONFIRMATION: 'false',
};
const server = await startTestServer(production);

describe('in production', () => {
  it('does not tell the schema', async () => {
    for (const document of [getIntrospectionQuery(), '{ __schema { types { name } } }', '{ __type(name: "User") { name } }'])
      expect((await server.query(document)).code).toBe('INVALID_INPUT');
    expect((await server.query('{ __typename }')).data).toEqual({ __typename: 'Query' });
  });

  it('shows no page', async () => {
    const { status, headers } = await fetch(`${server.url}/graphql`, { headers: { accept: 'text/html' } });
    expect([status, headers.get('content-type')]).toEqual([405, 'application/json; charset=utf-8']);
  });

  it('tells the schema where the settings say so', async () => {
    const telling = await startTestServer({ ...production, INTROSPECTION: 'true' });
    expect((await telling.query('{ __type(name: "User") { name } }')).data).toEqual({ __type: { name: 'User' } });
  });
});

describe('in development', () => {
  it('shows GraphiQL to a browser', async () => {
    const development = await startTestServer({ NODE_ENV: 'development' });
    const answer = await fetch(`${development.url}/graphql`, { headers: { accept: 'text/html' } });
    expect([answer.status, (await answer.text()).includes('GraphiQL')]).toEqual([200, true]);
  });
});
