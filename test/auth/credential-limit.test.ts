import { describe, expect, it } from 'vitest';
import { startTestServer, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();

describe('an operation with credentials', () => {
  const input = '(input: { email: "alice@example.com", password: "guess" })';
  const operations = {
    aliases: `mutation { a: login${input} { __typename } b: login${input} { __typename } }`,
    'two mutations': `mutation { login${input} { __typename } refresh(input: { refreshToken: "x" }) { expiresAt } }`,
    'a fragment': `mutation { ...F a: login${input} { __typename } } fragment F on Mutation { b: login${input} { __typename } }`,
    'nested fragments': `mutation { ...F ...G } fragment F on Mutation { ...H } fragment G on Mutation { c: register(input: { email: "a", password: "b" }) { confirmationRequired } } fragment H on Mutation { b: login${input} { __typename } }`,
    'an inline fragment': `mutation { a: login${input} { __typename } ... on Mutation { ... { reauthenticate(input: { password: "x" }) { expiresAt } } } }`,
    'a fragment spread under two aliases': `mutation { ...F ...G } fragment F on Mutation { a: login${input} { __typename } } fragment G on Mutation { a: login${input} { __typename } b: login${input} { __typename } }`,
  };

  it.each(Object.entries(operations))(
    'is rejected before any password is checked when it has more than one, here by %s',
    async (_, document) => {
      const address = uniqueAddress();
      const answer = await server.query(document, {}, { address });
      expect(answer).toMatchObject({ status: 400, code: 'QUERY_TOO_COMPLEX', errors: [{ extensions: { limit: 'credentials' } }] });
      expect(await server.db.prisma.auditEvent.count({ where: { network: address } })).toBe(0);
    },
  );

  it('is rejected in a batch', async () => {
    const body = JSON.stringify(Array(2).fill({ query: operations.aliases }));
    const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect(response.status).toBe(400);
  });
});
