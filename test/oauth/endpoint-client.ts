import { encodeGlobalID } from '@pothos/plugin-relay';
import { generateToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import { type TestServer, uniqueAddress } from '../test-server.ts';

/** Options of a request. */
export interface RequestOptions {
  readonly token?: string | undefined;
  readonly address?: string;
  readonly headers?: Record<string, string>;
}

/** An API token with these scopes, whose owner has a role with these permissions. */
export async function apiToken({ db, user }: TestServer, scopes: string[], permissions = scopes) {
  const owner = await user();
  const name = `ROLE_${owner.uuid.replaceAll('-', '').toUpperCase()}`;
  if (permissions.length > 0)
    await db.prisma.roleGrant.create({
      data: { user: { connect: { id: owner.uuid } }, role: { create: { name, permissions } } },
    });
  return { owner, ...(await createTokenFor({ db }, owner.uuid, scopes)) };
}

/** Another API token of a user. */
export async function createTokenFor({ db }: Pick<TestServer, 'db'>, userId: string, scopes: string[]) {
  const secret = generateToken('api');
  const ends = new Date(Date.now() + 3_600_000);
  const data = {
    kind: 'API',
    userId,
    scopes,
    expiresAt: ends,
    idleExpiresAt: ends,
    secrets: { create: { hash: hashToken(secret) } },
  } as const;
  const { id } = await db.prisma.token.create({ data });
  return { secret, id, globalId: encodeGlobalID('Token', id) };
}

/** Posts a body to a path. */
export async function post(
  { url }: TestServer,
  path: string,
  body: string | Buffer,
  { token, address = uniqueAddress(), headers = {} }: RequestOptions = {},
) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-forwarded-for': address,
      ...(token && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: body as string,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) };
}
