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
  it('introspection is disabled', async () => {
    for (const document of [getIntrospectionQuery(), '{ __schema { types { name } } }', '{ __type(name: "User") { name } }'])
      expect((await server.query(document)).code).toBe('INVALID_INPUT');
    expect((await server.query('{ __typename }')).data).toEqual({ __typename: 'Query' });
  });

  it('rules are shown to signed-in callers only', async () => {
    const caller = await server.user();
    for (const document of [
      '{ accessRules(type: "User") { coordinate rule } }',
      '{ explainAccess(coordinate: "Query.users") { rule } }',
      '{ checkOperation(document: "{ users { totalCount } }") { denied { rule } } }',
    ]) {
      expect((await server.query(document)).code).toBe('UNAUTHENTICATED');
      expect((await caller.query(document)).errors).toBeUndefined();
    }
  });

  it('GraphiQL is not served', async () => {
    const { status, headers } = await fetch(`${server.url}/graphql`, { headers: { accept: 'text/html' } });
    expect([status, headers.get('content-type')]).toEqual([405, 'application/json; charset=utf-8']);
  });

  it('introspection can be enabled by INTROSPECTION', async () => {
    const introspectable = await startTestServer({ ...production, INTROSPECTION: 'true' });
    expect((await introspectable.query('{ __type(name: "User") { name } }')).data).toEqual({ __type: { name: 'User' } });
  });
});

describe('in development', () => {
  it('GraphiQL is served to browsers', async () => {
    const development = await startTestServer({ NODE_ENV: 'development' });
    const answer = await fetch(`${development.url}/graphql`, { headers: { accept: 'text/html' } });
    expect([answer.status, (await answer.text()).includes('GraphiQL')]).toEqual([200, true]);
  });
});
