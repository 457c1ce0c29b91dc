import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { createVerifier, type Verifier } from '../packages/verifier/src/create-verifier.ts';
import { serve } from './children.ts';

export type Task =
  | { readonly do: 'open'; readonly url: string; readonly issuer: string; readonly token: string }
  | { readonly do: 'verify'; readonly tokens: readonly string[] };

/** Verifications per second of processor time, and the network calls meanwhile. */
export interface Verified {
  readonly known: number;
  readonly unknown: number;
  readonly limit: number;
  readonly calls: number;
}

const atOnce = 100; // concurrent requests
const timesKnown = 50; // how often each known token is repeated
const heartbeat = 600; // milliseconds in which a heartbeat is received: a busy thread becomes stale
const keysSettle = 3_000; // milliseconds after which the keys are not fetched again for minutes

let verifier: Verifier;
let key: KeyObject;
let calls = 0;
for (const channel of ['undici:request:create', 'net.client.socket']) subscribe(channel, () => ++calls);

serve(async (task: Task) => (task.do === 'open' ? open(task) : measure(task)));

async function open({ url, issuer, token }: Task & { do: 'open' }) {
  const { keys } = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: JsonWebKey[] };
  key = createPublicKey({ key: keys[0] as never, format: 'jwk' });
  calls = 0;
  verifier = await createVerifier({ url, issuer, token });
  await sleep(keysSettle);
  return { calls };
}

async function measure({ tokens }: Task & { do: 'verify' }): Promise<Verified> {
  calls = 0;
  const signed = tokens.map((jwt) => {
    const end = jwt.lastIndexOf('.');
    return [Buffer.from(jwt.slice(0, end)), Buffer.from(jwt.slice(end + 1), 'base64url')] as const;
  });
  const limit = await perSecond(tokens.length, async () => {
    for (const [input, signature] of signed) if (!verify(null, input, key, signature)) throw new Error('a signature is wrong');
  });
  const unknown = await perSecond(tokens.length, async () => {
    for (let from = 0; from < tokens.length; from += atOnce)
      await Promise.all(tokens.slice(from, from + atOnce).map((jwt) => verifier.verify(jwt)));
  });
  // As from a request: a new string each time.
  const bytes = tokens.map((jwt) => Buffer.from(jwt));
  const known = await perSecond(tokens.length * timesKnown, async () => {
    for (let time = 0; time < timesKnown; time += 1, await turn()) for (const jwt of bytes) await verifier.verify(jwt.toString('latin1'));
  });
  return { known, unknown, limit, calls };
}

/** By processor time, which includes other threads but not other processes. */
async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  await sleep(heartbeat);
  const from = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(from);
  return (count * 1e6) / (user + system);
}
