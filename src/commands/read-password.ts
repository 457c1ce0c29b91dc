import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** Reads a new password: prompts twice on a terminal, without echo; otherwise the first line of standard input. Throws if there is none. */
export async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).split(/\r?\n/, 1)[0] ?? '';
  const noEcho = new Writable({ write: (_, __, done) => done() });
  const lines = createInterface({ input: process.stdin, output: noEcho, terminal: true, historySize: 0 });
  const input = lines[Symbol.asyncIterator]();
  const prompt = async (label: string) => {
    process.stderr.write(label);
    const { value, done } = await input.next();
    process.stderr.write('\n');
    if (done) throw new Error('No password was entered.');
    return value;
  };
  try {
    const password = await prompt('Password: ');
    if ((await prompt('Repeat password: ')) !== password) throw new Error('The passwords do not match.');
    return password;
  } finally {
    lines.close();
  }
}
