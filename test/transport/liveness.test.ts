import { afterEach, describe, expect, it, vi } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { rawSocket } from './raw-client.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('a WebSocket', () => {
  it('is terminated when its client has not answered the ping of 15 s before', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const server = await startTestServer();
    const [alive, silent] = [await rawSocket(server), await rawSocket(server, { autoPong: false })];
    for (const socket of [alive, silent]) await socket.init();
    const pinged = Promise.all([alive, silent].map(({ socket }) => new Promise((resolve) => socket.once('ping', resolve))));
    vi.advanceTimersByTime(15_000);
    await pinged;
    alive.send({ type: 'ping' });
    await alive.waitForMessage('pong'); // the server has received what was sent before: the answer to its ping
    vi.advanceTimersByTime(15_000);
    expect((await silent.closed).code).toBe(1006);
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
  });
});
