import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll } from 'vitest';

/** An email as the mail server received it. */
interface AcceptedEmail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body as they were sent. */
  readonly raw: string;
}

/**
 * A mail server that stores what it receives. `options` can make it reject, and it accepts an email after `ready` resolves for its recipient. Closes with
 * the test file.
 */
export async function openSmtpServer(options: SMTPServerOptions = {}, ready: (to: string) => Promise<void> = async () => {}) {
  const taken: AcceptedEmail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData: (stream, { envelope }, done) => {
      const chunks: Buffer[] = [];
      const to = envelope.rcptTo.map(({ address }) => address);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', async () => {
        await ready(to[0] ?? '');
        const { mailFrom } = envelope;
        taken.push({ from: mailFrom ? mailFrom.address : '', to, raw: Buffer.concat(chunks).toString() });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {}); // clients that go away are part of the tests
  const port = await listening(server.listen(0, '127.0.0.1'));
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { url: `smtp://127.0.0.1:${port}`, taken };
}

/** A proxy to a mail server that cuts the connection when a reply matches `cutAt`. */
export async function openProxy(url: string) {
  const line = { url: '', cutAt: /$^/ };
  const server = createServer((near) => {
    const far = connect(Number(new URL(url).port), '127.0.0.1');
    const end = () => {
      near.destroy();
      far.destroy();
    };
    near.on('error', end).on('close', end).pipe(far);
    far.on('error', end).on('close', end);
    far.on('data', (reply) => (line.cutAt.test(String(reply)) ? end() : near.write(reply)));
  });
  const port = await listening(server.listen(0, '127.0.0.1'));
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return Object.assign(line, { url: `smtp://127.0.0.1:${port}` });
}

async function listening(server: Server): Promise<number> {
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
