import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { freePort } from '../../bench/free-port.ts';

const modes = ['works', 'is stopped', 'shuts down', 'rejects the sender', 'defers recipients'] as const;

type Mode = (typeof modes)[number];

/** An email as the mail server has accepted it. */
interface AcceptedEmail {
  readonly messageId: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** A mail server that fails in different ways. */
export interface FailingMailServer {
  readonly url: string;
  readonly accepted: readonly AcceptedEmail[];
  /** The number of failures that servers must have noticed: with at least two rejections that concern all emails. */
  readonly outages: number;
  /** Fails and works in turn until that time; then it works. */
  fail(until: number): Promise<void>;
  close(): Promise<void>;
}

const reply = (responseCode: number) => Object.assign(new Error('the mail server fails'), { responseCode });

export async function openMailServer(): Promise<FailingMailServer> {
  const port = await freePort();
  const accepted: AcceptedEmail[] = [];
  let mode: Mode = 'works';
  let outages = 0;
  let rejections = 0; // since the mode was switched
  let server = listen();

  function rejectIf(failing: Mode, responseCode: number, done: (error?: Error | null) => void) {
    if (mode !== failing) return done(null);
    rejections += 1;
    if (rejections === 2) outages += 1;
    done(reply(responseCode));
  }

  function listen() {
    const one = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      onConnect: (_, done) => rejectIf('shuts down', 421, done),
      onMailFrom: (_, __, done) => rejectIf('rejects the sender', 550, done),
      onRcptTo: (_, __, done) => done(mode === 'defers recipients' && randomInt(2) > 0 ? reply(451) : null),
      onData: async (stream, { envelope }, done) => {
        const chunks: Buffer[] = [];
        try {
          for await (const chunk of stream) chunks.push(chunk as Buffer);
        } catch (error) {
          return done(error as Error); // the server was killed while it sent the email
        }
        const text = Buffer.concat(chunks).toString();
        const [, messageId = ''] = /^Message-ID: <(.*?)@/im.exec(text) ?? [];
        accepted.push({ messageId, to: envelope.rcptTo.map(({ address }) => address), text });
        done();
      },
    });
    one.on('error', () => {}); // clients that are killed
    one.listen(port, '127.0.0.1');
    return one;
  }
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));

  async function switchTo(next: Mode) {
    rejections = 0;
    if (next === 'is stopped') await close();
    else if (mode === 'is stopped') server = listen();
    mode = next;
  }

  async function fail(until: number) {
    while (performance.now() < until) {
      await switchTo('works');
      await sleep(randomInt(3_000, 12_000));
      if (performance.now() >= until) break;
      await switchTo(modes[randomInt(1, modes.length)] ?? 'works');
      await sleep(randomInt(3_000, 20_000));
    }
    await switchTo('works');
  }

  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    get outages() {
      return outages;
    },
    fail,
    close,
  };
}
