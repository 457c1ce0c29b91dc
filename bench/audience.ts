import pg from 'pg';
import { WebSocket } from 'ws';
import { serve } from './children.ts';
import { quantile, sorted } from './measured.ts';
import { addressFor, send } from './world.ts';

export type Task =
  | { readonly do: 'open'; readonly url: string; readonly authorizations: readonly string[]; readonly from: number; readonly count: number }
  | {
      readonly do: 'revoke';
      readonly url: string;
      readonly database: string;
      readonly authorization: string;
      /** The channel on which the database announces committed revocations. */
      readonly channel: string;
      readonly tokens: readonly string[];
    };

/** Milliseconds from the commit of a revocation to its subscribers: all of them, and the last of each revocation. */
export interface Heard {
  readonly p50: number;
  readonly p99: number;
  readonly last: { readonly p50: number; readonly p99: number; readonly worst: number };
}

// One clock for commit and arrival: the same process listens to the database and to the server.
let receivedAt: number[] = [];
let size = 0;
let complete: () => void = () => {};

serve(async (task: Task) => (task.do === 'open' ? open(task) : revoke(task)));

async function open({ url, authorizations, from, count }: Task & { do: 'open' }) {
  for (let begun = 0; begun < count; begun += 25)
    await Promise.all(
      Array.from({ length: Math.min(25, count - begun) }, (_, one) => {
        const index = from + begun + one;
        return subscribe(url, authorizations[index % authorizations.length] ?? '', addressFor(65_536 + index));
      }),
    );
  size += count;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return { size };
}

function subscribe(url: string, authorization: string, from: string): Promise<void> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', { headers: { 'x-forwarded-for': from } });
  const say = (message: object) => socket.send(JSON.stringify(message));
  const query = 'subscription Follow { tokenRevoked(all: true) { cursor tokenId kind reason revokedAt } }';
  socket.on('open', () => say({ type: 'connection_init', payload: { authorization } }));
  return new Promise((resolve, reject) => {
    socket.on('error', reject).on('close', (code) => reject(new Error(`A socket was closed: ${code}`)));
    socket.on('message', (data) => {
      const text = String(data);
      if (text.includes('"next"') && text.includes('"tokenId"')) received();
      else if (text.includes('"connection_ack"')) {
        say({ id: '1', type: 'subscribe', payload: { query } });
        say({ type: 'ping' });
      } else if (text.includes('"pong"')) resolve();
      else if (text.includes('"ping"')) say({ type: 'pong' });
      else reject(new Error(`A subscription failed: ${text}`));
    });
  });
}

function received() {
  receivedAt.push(performance.now());
  if (receivedAt.length === size) complete();
}

async function revoke({ url, database, authorization, channel, tokens }: Task & { do: 'revoke' }): Promise<Heard> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  let committed = Number.NaN;
  client.on('notification', () => {
    committed = performance.now();
  });
  await client.query(`listen ${channel}`);
  const delays: number[] = [];
  const last: number[] = [];
  for (const id of tokens) {
    receivedAt = [];
    const all = new Promise<void>((resolve) => {
      complete = resolve;
    });
    await send(
      url,
      'mutation Revoke($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }',
      { input: { id } },
      { authorization },
    );
    await within(10_000, all);
    delays.push(...receivedAt.map((at) => at - committed));
    last.push(Math.max(...receivedAt) - committed);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await client.end();
  const [inOrder, lastInOrder] = [sorted(delays), sorted(last)];
  return {
    p50: quantile(inOrder, 0.5),
    p99: quantile(inOrder, 0.99),
    last: { p50: quantile(lastInOrder, 0.5), p99: quantile(lastInOrder, 0.99), worst: Math.max(...last) },
  };
}

const within = <T>(milliseconds: number, promise: Promise<T>) =>
  Promise.race([
    promise,
    new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error(`Only ${receivedAt.length} of ${size} received`)), milliseconds).unref(),
    ),
  ]);
