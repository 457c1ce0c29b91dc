import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../cli/process.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { logIn, type Node, register, startNodes } from './nodes.ts';

const cluster = isEmbedded ? undefined : await startNodes(2);
const [one, two] = (cluster?.nodes ?? []) as [Node, Node];
afterAll(() => cluster?.leave());

const admin = (...words: string[]) => runCommand(['scripts/admin.ts', ...words], cluster?.environment ?? {});
const idIn = (text: string) => /[\da-f-]{36}/.exec(text)?.[0] ?? '';
const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid as string;
const codeAt = async (node: Node, token: string) => (await node.query('{ me { id } }', {}, { token })).code;
const publishedAt = async (node: Node) => (await fetch(`${node.url}/.well-known/jwks.json`)).text();

describe.skipIf(!cluster)('signing keys of two servers (need a PostgreSQL server)', { timeout: 60_000 }, () => {
  it('are rotated without rejections: each server knows a key before another one signs with it', async () => {
    const [alice, bob] = [await register(one), await register(one)];
    const kid = idIn((await admin('rotate-keys')).out);
    for (const node of [one, two]) await waitUntil(async () => (await publishedAt(node)).includes(kid));
    await cluster?.db.prisma.signingKey.update({ where: { kid }, data: { activeFrom: new Date(Date.now() + 1_500) } });
    const signed = new Set<string>();
    const refused: (string | undefined)[] = [];
    while (signed.size < 2 || [...signed].at(-1) !== kid) {
      for (const [here, there] of [
        [one, two],
        [two, one],
      ] as const) {
        const { accessToken } = await logIn(here, alice);
        signed.add(kidOf(accessToken));
        refused.push(await codeAt(there, accessToken));
      }
    }
    expect([signed.size, refused.filter(Boolean)]).toEqual([2, []]);
    expect(await codeAt(two, bob.accessToken)).toBeUndefined(); // tokens of the old key remain valid
  });

  it('are rejected by both servers once they are removed, also in an emergency', async () => {
    const kid = idIn((await admin('rotate-keys', '--now')).out);
    const alice = await waitUntil(async () => {
      const member = await register(one);
      return kidOf(member.accessToken) === kid ? member : undefined;
    });
    for (const node of [one, two]) await waitUntil(async () => (await codeAt(node, alice.accessToken)) === undefined);
    const { code, out } = await admin('remove-key', kid);
    const successor = idIn(out.split('\n')[1] ?? '');
    for (const node of [one, two]) await waitUntil(async () => (await codeAt(node, alice.accessToken)) === 'INVALID_TOKEN');
    const next = await logIn(two, alice);
    expect([code, kidOf(next.accessToken)]).toEqual([0, successor]);
    await waitUntil(async () => (await codeAt(one, next.accessToken)) === undefined);
  });
});
