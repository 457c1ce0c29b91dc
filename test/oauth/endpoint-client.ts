import { encodeGlobalID } from '@pothos/plugin-relay';
import { generateToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import { type TestServer, uniqueAddress } from '../test-server.ts';

/** What a program sends. */
export interface RequestOptions {
  readonly token?: string | undefined;
  readonly address?: string;
  readonly headers?: Record<string, string>;
}

/** An API token of a user, with these scopes; a role of the same permissions where `permitted`. */
export async function apiToken({ db, user }: TestServer, scopes: string[], permissions = scopes) {
  const owner = await user();
  const name = `ROLE_${owner.uuid.replaceAll('-', '').toUpperCase()}`;
  if (permissions.length > 0)
    await db.prisma.roleGrant.create({
      data: { user: { connect: { id: owner.uuid } }, role: { create: { name, permissions } } },
    });
  return { owner, ...(await createTokenFor({ db }, owner.uuid, scopes)) };
}

/** One more API token of somebody. */
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

/** Sends a body to a path. */
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
