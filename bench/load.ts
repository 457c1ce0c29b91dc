import { connect, type Socket } from 'node:net';
import { serve } from './children.ts';
import { type Measured, summary } from './measured.ts';

/** Load over keep-alive connections, each with one request in flight. */
export interface Job {
  readonly url: string;
  readonly milliseconds: number;
  readonly connections: number;
  /** The requests, taken in turn by each connection; with `chained` they contain a value of the previous response. */
  readonly requests: readonly Call[];
  /** The member of a response that replaces `$$` in the connection's next request. */
  readonly chained?: string;
}

export interface Call {
  readonly body: string;
  readonly authorization?: string;
  /** The address that a proxy would forward. */
  readonly from?: string;
  readonly chain?: string;
}

/** `chains` are the values with which the next job continues. */
export type Loaded = Measured & { readonly chains: readonly string[]; readonly next: number };

// Plain sockets: the client of node:http would cost as much as the measured baseline, on the core that it shares with PostgreSQL.
serve(async (job: Job): Promise<Loaded> => {
  const begun = performance.now();
  const until = begun + job.milliseconds;
  const times: number[] = [];
  const { hostname, port, pathname } = new URL(job.url);
  const chains: string[] = [];
  let turn = 0;
  const run = async (index: number) => {
    const socket = connect(Number(port), hostname).setNoDelay();
    const exchange = exchangeOver(socket);
    let call = job.requests[index % job.requests.length] as Call;
    let chain = call.chain ?? '';
    while (performance.now() < until) {
      if (!job.chained) call = job.requests[turn++ % job.requests.length] as Call;
      const at = performance.now();
      const answer = await exchange(requestText(hostname, pathname, call, chain));
      times.push(performance.now() - at);
      if (!answer.includes('{"data":')) throw new Error(`A request failed: ${answer.toString().slice(0, 2_000)}`);
      if (job.chained) chain = answer.toString('latin1').split(`"${job.chained}":"`)[1]?.split('"')[0] ?? '';
    }
    chains[index] = chain;
    socket.destroy();
  };
  await Promise.all(Array.from({ length: job.connections }, (_, index) => run(index)));
  return { ...summary(times, performance.now() - begun), chains, next: turn };
});

function requestText(host: string, path: string, { body, authorization, from }: Call, chain: string): string {
  const sent = chain ? body.replace('$$', () => chain) : body;
  return `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(sent)}\r\n${
    authorization ? `authorization: ${authorization}\r\n` : ''
  }${from ? `x-forwarded-for: ${from}\r\n` : ''}\r\n${sent}`;
}

function exchangeOver(socket: Socket): (text: string) => Promise<Buffer> {
  let held: Buffer | undefined;
  let answered: (answer: Buffer) => void = () => {};
  let failed: (error: Error) => void = () => {};
  socket.on('data', (chunk) => {
    held = held ? Buffer.concat([held, chunk]) : chunk;
    if (!isWhole(held)) return;
    const whole = held;
    held = undefined;
    answered(whole);
  });
  socket.on('error', (error) => failed(error)).on('close', () => failed(new Error('The server closed the connection')));
  return (text) =>
    new Promise((resolve, reject) => {
      answered = resolve;
      failed = reject;
      socket.write(text);
    });
}

function isWhole(held: Buffer): boolean {
  const end = held.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const [, length] = /content-length: (\d+)/i.exec(held.toString('latin1', 0, end)) ?? [];
  return length ? held.length >= end + 4 + Number(length) : held.toString('latin1', held.length - 5) === '0\r\n\r\n';
}
