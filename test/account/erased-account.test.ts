import { expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const remove = 'mutation ($input: DeleteUserInput!) { deleteUser(input: $input) { changed } }';

/** Mutations that would write personal data to an erased account, which is never erased again. */
const writes: Record<string, (id: string) => object> = {
  updateUser: (id) => ({ id, phone: '+46 8 123 456' }),
  setSetting: (userId) => ({ userId, key: 'theme', value: 'dark' }),
  grantRole: (userId) => ({ userId, role: 'USER' }),
};

it.each(Object.keys(writes))('%s rejects an erased account', async (name) => {
  const [superadmin, alice] = [await server.user('SUPERADMIN'), await server.user()];
  await superadmin.query(remove, { input: { id: alice.id, erase: true } });
  const Input = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const document = `mutation ($input: ${Input}!) { ${name}(input: $input) { __typename } }`;
  const { errors } = await superadmin.query(document, { input: writes[name]?.(alice.id) });
  expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT' } }]);
});
