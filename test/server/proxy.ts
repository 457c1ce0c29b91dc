import { connect, createServer, type Socket } from 'node:net';

/** A proxy to a server whose connections can be cut and restored. */
export async function proxyTo(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let isBlackholed = false;
  let opened = 0;
  const relay = (socket: Socket) => {
    opened += 1;
    if (isBlackholed) return void sockets.add(socket.on('error', () => {}));
    const other = connect(Number(port || 5432), hostname);
    for (const [one, two] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(one);
      one.pipe(two).on('error', () => {});
      one.on('error', () => {}).on('close', () => sockets.delete(one) && two.destroy());
    }
  };
  const server = createServer(relay);
  const listen = (at: number) => {
    isBlackholed = false;
    return new Promise<void>((resolve) => server.listen(at, '127.0.0.1', () => resolve()));
  };
  await listen(0);
  const { port: own } = server.address() as { port: number };
  const cut = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  /** From now on nothing is forwarded, but connections are still accepted. */
  const blackhole = async () => {
    isBlackholed = true;
    for (const socket of sockets) socket.destroy();
  };
  const proxied = Object.assign(new URL(url), { host: `127.0.0.1:${own}` }).href;
  return { url: proxied, cut, blackhole, restore: () => listen(own), countOpened: () => opened };
}
