import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const tile = (name: string, init?: RequestInit) => fetch(`${server.url}/avatars/${name}`, init);
const drawn = async (id: string) => (await tile(`${id}.svg`)).text();

describe('the tile of a user', () => {
  it('is a picture of squares and nothing else, the same in whatever letters of the id, and for others another', async () => {
    const id = 'abcdef00-0000-7000-8000-00000000abcd';
    const picture = await drawn(id);
    expect(picture).toMatch(
      /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 7 7" shape-rendering="crispEdges">(<path fill="hsl\(\d+,\d+%,\d+%\)" d="[Mhvz\d -]+"\/>){2}<\/svg>$/,
    );
    expect([await drawn(id), await drawn(id.toUpperCase())]).toEqual([picture, picture]);
    expect(await drawn(randomUUID())).not.toBe(picture);
  });

  it('is the picture of whoever set none', async () => {
    const alice = await server.user();
    const picture = async () => (await alice.query('{ me { avatarUrl } }')).data.me.avatarUrl;
    expect(await picture()).toBe(`${server.config.PUBLIC_URL}/avatars/${alice.uuid}.svg`);
    await alice.query('mutation { updateProfile(input: { avatarUrl: "https://example.com/a.png" }) { user { id } } }');
    expect(await picture()).toBe('https://example.com/a.png');
    const listed = await alice.query('{ users { edges { node { avatarUrl } } } }');
    expect(listed.data.users.edges).toEqual([{ node: { avatarUrl: 'https://example.com/a.png' } }]);
  });

  it('says nothing of whether there is such a user', async () => {
    const alice = await server.user();
    const [known, unknown] = [await tile(`${alice.uuid}.svg`), await tile(`${randomUUID()}.svg`)];
    const told = ({ status, headers }: Response) => ({ status, headers: [...headers.keys()].sort() });
    expect(told(unknown)).toEqual(told(known));
  });

  it('is kept for ever, shown by pages of any site, and does nothing when it is opened', async () => {
    const { status, headers } = await tile(`${randomUUID()}.svg?x=1`);
    expect([status, Object.fromEntries(headers)]).toMatchObject([
      200,
      {
        'content-type': 'image/svg+xml; charset=utf-8',
        'cache-control': 'public, max-age=31536000, immutable',
        'content-security-policy': expect.stringMatching(/^default-src 'none'; .*; sandbox$/),
        'cross-origin-resource-policy': 'cross-origin',
        'x-content-type-options': 'nosniff',
      },
    ]);
  });

  it('is for what could be an id, and is only read', async () => {
    for (const name of [
      '',
      'x.svg',
      `${randomUUID()}`,
      `${randomUUID()}.png`,
      `${randomUUID()}.svg/`,
      `x${randomUUID()}.svg`,
      `${randomUUID()}%00.svg`,
    ])
      expect((await tile(name)).status, name).toBe(404);
    const { status, headers } = await tile(`${randomUUID()}.svg`, { method: 'POST' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET']);
  });
});
