import { describe, expect, it } from 'vitest';
import { startTestServer, waitUntil } from '../test-server.ts';
import { rawSocket } from './raw-client.ts';

const server = await startTestServer();

describe('isolation of concurrent callers', () => {
  it('evaluates each request with the permissions of its own caller', async () => {
    const [admin, alice, bob] = [await server.user('ADMIN'), await server.user(), await server.user()];
    for (let round = 0; round < 20; round += 1) {
      const run = (index: number) =>
        (index % 2 ? alice : admin).query('query ($id: ID!) { node(id: $id) { ... on User { email } } }', { id: bob.id });
      const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => run(index)));
      for (const [index, { code, data }] of answers.entries())
        expect(index % 2 ? code : data.node.email).toBe(index % 2 ? 'NOT_FOUND' : bob.email);
    }
  });

  it('returns each of 200 concurrent callers their own data', async () => {
    const people = await Promise.all(Array.from({ length: 8 }, () => server.user()));
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          const person = index % 9 === 8 ? undefined : people[index % 9];
          const { data } = await server.query('{ me { id email } viewer { token { id } } }', {}, { token: person?.accessToken });
          return [person && { id: person.id, email: person.email }, person?.tokenId, data.me ?? undefined, data.viewer.token?.id];
        }),
      );
      for (const [me, token, returnedMe, returnedToken] of answers) expect([returnedMe, returnedToken]).toEqual([me, token]);
    }
  });

  it('returns each WebSocket client its own data', async () => {
    const people = await Promise.all(Array.from({ length: 8 }, () => server.user()));
    const sockets = await Promise.all(people.map(async (person) => ({ person, ...(await rawSocket(server)) })));
    await Promise.all(sockets.map(({ init, person }) => init(person.accessToken)));
    for (let id = 0; id < 15; id += 1)
      for (const { send } of sockets) send({ id: String(id), type: 'subscribe', payload: { query: '{ me { id } }' } });
    for (const { messages, person, socket } of sockets) {
      await waitUntil(() => messages.filter(({ type }) => type === 'complete').length === 15);
      const ids = messages.filter(({ type }) => type === 'next').map(({ payload }) => payload.data.me.id);
      expect(new Set(ids)).toEqual(new Set([person.id]));
      socket.terminate();
    }
  });
});
