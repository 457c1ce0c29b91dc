import { getIntrospectionQuery } from 'graphql';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { codeIn, post } from './raw-client.ts';

const server = await startTestServer();
const alice = await server.user();
const nested = (open: string, close: string, inner: string, times: number) => open.repeat(times) + inner + close.repeat(times);

/** The limit that an operation exceeds. */
async function limit(document: string, variables?: object) {
  const { status, code, errors } = await alice.query(document, variables);
  return code === 'QUERY_TOO_COMPLEX' ? [status, errors?.[0]?.extensions.limit] : [status, code];
}

describe('a document', () => {
  it('is limited to 16 KiB and 1,500 tokens', async () => {
    expect(await limit(`{ viewer { fresh } } #${'x'.repeat(16 * 1024)}`)).toEqual([400, 'document']);
    expect(await limit(`{ viewer { ${'fresh '.repeat(1_600)} } }`)).toEqual([400, 'tokens']);
  });

  it('is rejected without side effects when it is nested too deeply', async () => {
    for (const times of [700, 1_400, 5_000, 20_000]) {
      expect((await alice.query(nested('{me', '}', '{id}', times))).status).toBe(400);
      expect((await alice.query(`{ node(id: ${nested('[', ']', '1', times)}) { id } }`)).status).toBe(400);
      expect((await alice.query(`{ node(id: ${nested('{a:', '}', '1', times)}) { id } }`)).status).toBe(400);
      const variables = nested('[', ']', '1', times);
      expect(await codeIn(await post(server, `{"query":"query ($v: JSON) { viewer { fresh } }","variables":{"v":${variables}}}`))).toBe(
        'INVALID_INPUT',
      );
      expect((await post(server, nested('[', ']', '', times))).status).toBe(400);
      expect(await codeIn(await post(server, `{"query":"{ viewer { fresh } }","variables":{"unused":${variables}}}`))).toBe(
        'INVALID_INPUT',
      );
      expect((await post(server, nested('{"":', '}', '1', Math.min(times, 18_000)))).status).toBe(400);
    }
  });

  it('is limited to a depth of 12 fields including fragments', async () => {
    const users = (times: number) => nested('roles { user {', '} }', 'id', times);
    expect(await limit(`{ me { ${nested('roles { user { ', '} }', 'id', 6)} } }`)).toEqual([400, 'depth']);
    expect(await limit(`{ me { ...A } } fragment A on User { roles { user { ...B } } } fragment B on User { ${users(5)} }`)).toEqual([
      400,
      'depth',
    ]);
  });

  it('is limited to 15 aliases, 20 directives, 20 fragments, 10 root fields and 5 mutation fields', async () => {
    const times = (count: number, make: (index: number) => string) => Array.from({ length: count }, (_, index) => make(index)).join(' ');
    expect(await limit(`{ viewer { ${times(16, (index) => `a${index}: fresh`)} } }`)).toEqual([400, 'aliases']);
    expect(await limit(`{ viewer { ${times(21, () => 'fresh @include(if: true)')} } }`)).toEqual([400, 'directives']);
    expect(
      await limit(
        `{ viewer { ...F0 } } ${times(21, (index) => `fragment F${index} on Viewer { ${index < 20 ? `...F${index + 1}` : 'fresh'} }`)}`,
      ),
    ).toEqual([400, 'fragments']);
    expect(await limit(`{ ${times(11, (index) => `a${index}: viewer { fresh }`)} }`)).toEqual([400, 'roots']);
    expect(await limit(`mutation { ${times(6, (index) => `a${index}: logout { ended }`)} }`)).toEqual([400, 'roots']);
  });

  it('is limited to one credential check under any alias', async () => {
    const login = 'login(input: { email: "a@example.com", password: "x" }) { __typename }';
    expect(await limit(`mutation { a: ${login} b: ${login} }`)).toEqual([400, 'credentials']);
    expect(await limit(`mutation { __schema: ${login} viewer: ${login} }`)).toEqual([400, 'credentials']);
    expect(
      await limit(`mutation { ...A } fragment A on Mutation { ${login} refresh(input: { refreshToken: "x" }) { expiresAt } }`),
    ).toEqual([400, 'credentials']);
  });

  it('is limited by a cost that is computed from the requested list sizes', async () => {
    const lists = (first: string) => `users(first: ${first}) { edges { node { tokens(first: ${first}) { edges { node { id } } } } } }`;
    expect(await limit(`{ ${lists('100')} }`)).toEqual([400, 'cost']);
    expect(await limit(`query ($size: Int) { ${lists('$size')} }`, { size: 100 })).toEqual([400, 'cost']);
    expect(await limit(`query ($size: Int = 100) { ${lists('$size')} }`)).toEqual([400, 'cost']);
    expect(await limit(`query ($size: Int = 100) { ${lists('$size')} }`, { size: 2 })).toEqual([200, undefined]);
    expect(await limit(`{ __schema: ${lists('100')} }`)).toEqual([400, 'cost']);
    expect(await limit('{ me { roles { user { roles { user { roles { id } } } } } } }')).toEqual([400, 'cost']);
  });

  it('is measured quickly even if its fragments refer to each other exponentially', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `F${index}`);
    const twice = names.map(
      (name, index) => `fragment ${name} on User { ${index < 19 ? `...F${index + 1} ... { ...F${index + 1} }` : 'id'} }`,
    );
    const started = performance.now();
    expect(await limit(`{ me { ...F0 } } ${twice.join(' ')}`)).toEqual([400, 'cost']);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('can query the schema in development, but not recursively', async () => {
    expect((await alice.query(getIntrospectionQuery())).data.__schema.queryType.name).toBe('Query');
    const fields = nested('type { fields { ', '} }', 'name', 3);
    expect((await alice.query(`{ __schema { types { fields { ${fields} } } } }`)).status).toBe(400);
  });

  it('requires a valid operationName when it contains several operations', async () => {
    const two = 'query A { viewer { fresh } } query B { me { id } }';
    const send = async (operationName?: string) => (await post(server, JSON.stringify({ query: two, operationName }))).status;
    expect([await send('A'), await send('hunter2'), await send()]).toEqual([200, 400, 400]);
  });
});
