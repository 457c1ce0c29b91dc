import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const getAvatar = (name: string, init?: RequestInit) => fetch(`${server.url}/avatars/${name}`, init);
const avatarSvg = async (id: string) => (await getAvatar(`${id}.svg`)).text();

describe('the generated avatar of a user', () => {
  it('is an SVG of squares, the same for an id in any letter case and different for other ids', async () => {
    const id = 'abcdef00-0000-7000-8000-00000000abcd';
    const picture = await avatarSvg(id);
    expect(picture).toMatch(
      /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 7 7" shape-rendering="crispEdges">(<path fill="hsl\(\d+,\d+%,\d+%\)" d="[Mhvz\d -]+"\/>){2}<\/svg>$/,
    );
    expect([await avatarSvg(id), await avatarSvg(id.toUpperCase())]).toEqual([picture, picture]);
    expect(await avatarSvg(randomUUID())).not.toBe(picture);
  });

  it('is returned as avatarUrl until the user sets one', async () => {
    const alice = await server.user();
    const picture = async () => (await alice.query('{ me { avatarUrl } }')).data.me.avatarUrl;
    expect(await picture()).toBe(`${server.config.PUBLIC_URL}/avatars/${alice.uuid}.svg`);
    await alice.query('mutation { updateProfile(input: { avatarUrl: "https://example.com/a.png" }) { user { id } } }');
    expect(await picture()).toBe('https://example.com/a.png');
    const listed = await alice.query('{ users { edges { node { avatarUrl } } } }');
    expect(listed.data.users.edges).toEqual([{ node: { avatarUrl: 'https://example.com/a.png' } }]);
  });

  it('does not reveal whether the user exists', async () => {
    const alice = await server.user();
    const [known, unknown] = [await getAvatar(`${alice.uuid}.svg`), await getAvatar(`${randomUUID()}.svg`)];
    const summary = ({ status, headers }: Response) => ({ status, headers: [...headers.keys()].sort() });
    expect(summary(unknown)).toEqual(summary(known));
  });

  it('is cacheable forever, can be embedded by any site, and is sandboxed', async () => {
    const { status, headers } = await getAvatar(`${randomUUID()}.svg?x=1`);
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

  it('is served only for ids and only to GET requests', async () => {
    for (const name of [
      '',
      'x.svg',
      `${randomUUID()}`,
      `${randomUUID()}.png`,
      `${randomUUID()}.svg/`,
      `x${randomUUID()}.svg`,
      `${randomUUID()}%00.svg`,
    ])
      expect((await getAvatar(name)).status, name).toBe(404);
    const { status, headers } = await getAvatar(`${randomUUID()}.svg`, { method: 'POST' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});
