import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { stopChild } from './children.ts';
import { password, superadminOf, users } from './temp-database.ts';
import { documents } from './workloads.ts';
import { logIn, send, startServer, type World } from './world.ts';

/** How many statements each operation sends, the transaction's own included; counted between the server and the database. */
export async function countStatements(world: World): Promise<Map<string, string[]>> {
  const meter = await openMeter(new URL(world.scratch.url));
  const through = Object.assign(new URL(world.scratch.url), { host: meter.host }).href;
  const { child, url } = await startServer({ ...world.environment, DATABASE_URL: through });
  try {
    return await countEach(url, meter);
  } finally {
    await stopChild(child);
    meter.close();
  }
}

async function countEach(url: string, meter: Meter) {
  const ordinary = await logIn(url, superadminOf(2), users + 2);
  let { refreshToken } = ordinary;
  const headers = { authorization: ordinary.authorization };
  const operations: Record<string, () => Promise<unknown>> = {
    me: () => send(url, documents.me, {}, headers),
    'list of 10': () => send(url, documents.list(10), {}, headers),
    'list of 50': () => send(url, documents.list(50), {}, headers),
    login: () => send(url, documents.login, { input: { email: superadminOf(3), password } }),
    refresh: async () => {
      const answer = await send<{ refresh: { refreshToken: string } }>(url, documents.refresh, { input: { refreshToken } });
      refreshToken = answer.refresh.refreshToken;
    },
  };
  const counted = new Map<string, string[]>();
  for (const [name, run] of Object.entries(operations)) {
    await run(); // one-time statements, such as those for the types of a connection, are not counted
    await pause();
    meter.take();
    await run();
    await pause();
    counted.set(name, meter.take());
  }
  return counted;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));

interface Meter {
  readonly host: string;
  /** The statements since the last call. */
  take(): string[];
  close(): void;
}

async function openMeter(database: URL): Promise<Meter> {
  let statements: string[] = [];
  const heard = (text: string) => {
    if (!/"(RevocationCommit|SigningKey)"/.test(text)) statements.push(text.replace(/\s+/g, ' ').trim()); // from the server's timers, not from an operation
  };
  const proxy = createServer((near) => {
    const far = connect(Number(database.port || 5432), database.hostname);
    const read = reader(heard);
    near.on('data', (chunk: Buffer) => {
      read(chunk);
      far.write(chunk);
    });
    far.pipe(near);
    const end = (socket: Socket) => () => socket.destroy();
    near.on('close', end(far)).on('error', end(far));
    far.on('error', end(near));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    take: () => statements.splice(0),
    close: () => {
      statements = [];
      proxy.close();
    },
  };
}

/** Reads what a client of PostgreSQL sends (protocol 3.0): Parse and Bind name the statement that Execute runs; Query carries its own. */
function reader(heard: (text: string) => void) {
  let held: Buffer = Buffer.alloc(0);
  let headless = true; // the first message has no type byte
  let bound = '';
  const texts = new Map<string, string>();
  const messages: Record<string, (body: Buffer) => void> = {
    P: (body) => texts.set(...pairOf(body)),
    B: (body) => {
      bound = texts.get(pairOf(body)[1]) ?? '';
    },
    E: () => heard(bound),
    Q: (body) => heard(body.toString('utf8', 0, body.length - 1)),
  };
  return (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const from = headless ? 0 : 1;
      if (held.length < from + 4) return;
      const length = from + held.readInt32BE(from);
      if (held.length < length) return;
      if (!headless) messages[String.fromCharCode(held[0] ?? 0)]?.(held.subarray(5, length));
      held = held.subarray(length);
      headless = false;
    }
  };
}

/** The first two texts of a message. */
function pairOf(body: Buffer): [string, string] {
  const end = body.indexOf(0);
  return [body.toString('utf8', 0, end), body.toString('utf8', end + 1, body.indexOf(0, end + 1))];
}
