import { describe, expect, it } from 'vitest';
import { profileFields } from '../../src/schema/user/profile-fields.ts';
import { everyField, fieldsOf, verdictAt } from '../matrix/schema-fields.ts';
import { type Data, forEachPersona, seedMatrix, sequentially } from '../matrix/seed.ts';
import { startTestServer } from '../test-server.ts';

const matrix = await seedMatrix(await startTestServer());
const access = 'viewerAccess { readable writable operations { name allowed rule } }';
const user = async (role?: string, domain?: string) => matrix.user(role, domain);
const about = async (caller: { query: Data }, id: string) => {
  const { data, errors } = await caller.query(`query ($id: ID!) { node(id: $id) { ${access} } }`, { id });
  if (errors) throw new Error(JSON.stringify(errors));
  const { readable, writable, operations } = data.node.viewerAccess;
  return { readable, writable, allowed: operations.filter((one: Data) => one.allowed).map((one: Data) => one.name) };
};
const maxRootFields = 10;
const rowOf = (type: string, kind = 'user') => matrix.rows.find((row) => row.type === type && row.kind === kind)?.id ?? '';

describe('viewerAccess', () => {
  it('lists exactly the fields that the viewer can read, for every persona and kind of object', async () => {
    const differing = await sequentially(matrix.rows, (row) =>
      forEachPersona(async (persona) => {
        const fields = everyField(row.type).replace('viewerAccess { __typename }', 'viewerAccess { readable }');
        const answer = await matrix.queryAs(persona, row.kind, `query ($id: ID!) { node(id: $id) { ... on ${row.type} { ${fields} } } }`, {
          id: row.id,
        });
        if (!answer.data?.node) return [];
        const names = fieldsOf(row.type)
          .map(({ name }) => name)
          .filter((name) => name !== 'viewerAccess');
        const read = names.filter((name) => !['–', '⊘'].includes(verdictAt(answer, ['node', name])));
        const { readable } = answer.data.node.viewerAccess;
        return [...readable].sort().join() === read.sort().join()
          ? []
          : [`${row.type} of ${row.kind}, ${persona}: ${readable} and not ${read}`];
      }),
    );
    expect(differing.flat(2)).toEqual([]);
  });

  it('allows exactly the operations that explainAccess allows', async () => {
    const differing = await sequentially(matrix.rows, (row) =>
      forEachPersona(async (persona) => {
        const result = await matrix.queryAs(persona, row.kind, `query ($id: ID!) { node(id: $id) { ${access} } }`, { id: row.id });
        const operations: Data[] = result.data?.node?.viewerAccess.operations ?? [];
        const checked = operations.filter(({ name }) => name !== 'setSetting' || row.type === 'User');
        if (checked.length === 0) return [];
        const fields = checked.map(({ name }) => `${name}: explainAccess(coordinate: "Mutation.${name}", nodeId: "${row.id}") { allowed }`);
        const parts = Array.from({ length: Math.ceil(fields.length / maxRootFields) }, (_, at) =>
          fields.slice(at * maxRootFields).slice(0, maxRootFields),
        );
        const answers = await sequentially(parts, (part) => matrix.queryAs(persona, row.kind, `{ ${part.join(' ')} }`));
        const data = Object.assign({}, ...answers.map((answer) => answer.data));
        return checked.flatMap(({ name, allowed }) =>
          data[name].allowed === allowed ? [] : [`${name} of ${row.kind}, ${persona}: ${allowed}`],
        );
      }),
    );
    expect(differing.flat(2)).toEqual([]);
  });

  it('lists the fields that the viewer may write', async () => {
    const [ann, admin] = [matrix.subjectUsers.get('user'), await user('ADMIN')];
    const profile = Object.keys(profileFields).sort();
    expect(profile).toEqual(expect.arrayContaining(['address', 'avatarUrl', 'displayName', 'phone']));
    expect((await about(ann as never, ann?.id ?? '')).writable).toEqual([...profile, 'username'].sort());
    expect((await about(admin, ann?.id ?? '')).writable).toEqual(profile);
    expect((await about(admin, (await user('ADMIN')).id)).writable).toEqual([]);
    const domain = rowOf('Domain', 'active domain');
    expect((await about(await user('ADMIN', 'inside'), domain)).writable).toEqual(['displayName']);
    expect((await about(admin, domain)).writable).toEqual(['active', 'displayName']);
    expect((await about(await user('SUPERADMIN'), domain)).writable).toEqual(['active', 'displayName', 'parent']);
    expect((await about(ann as never, rowOf('UserSetting'))).writable).toEqual(['key', 'value']);
  });

  it('respects the scopes of an API token', async () => {
    const admin = await user('ADMIN');
    const input = { description: 'd', scopes: ['users:read'] };
    const made = await admin.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }', { input });
    const bot = { query: (text: string, values: object) => matrix.query(text, values, { token: made.data.createApiToken.secret }) };
    const ofBot = await about(bot, rowOf('User'));
    expect(ofBot.allowed).toEqual([]);
    expect(ofBot.readable).not.toContain('tokens');
    expect((await about(admin, rowOf('User'))).allowed).toContain('disableUser');
  });

  it('changes on the next operation when a role is granted', async () => {
    const carl = await user();
    expect((await about(carl, carl.id)).allowed).not.toContain('disableUser');
    await matrix.grant(carl.uuid, 'ADMIN');
    expect((await about(carl, rowOf('User'))).allowed).toContain('disableUser');
  });
});
