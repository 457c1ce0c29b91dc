import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const [admin, alice] = [await server.user('ADMIN'), await server.user()];
await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { displayName: 'Ada King Noel' } });
const read = (id: string) => admin.query('query ($id: ID!) { user(id: $id) { id initials } }', { id });

describe('User.initials', () => {
  it('can be read while the user is enabled', async () => {
    expect((await read(alice.id)).data.user).toEqual({ id: alice.id, initials: 'AKN' });
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { enabled: false } });
    expect(await read(alice.id)).toMatchObject({ code: 'FORBIDDEN', data: { user: { id: alice.id, initials: null } } });
  });
});
