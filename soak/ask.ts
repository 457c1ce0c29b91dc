import { randomInt } from 'node:crypto';

/** What a server said: what was asked for, or the code of its refusal, or neither, where the line broke before it did. */
export interface Told {
  // biome-ignore lint/suspicious/noExplicitAny: an untyped document answers anything
  readonly data: any;
  readonly code: string | undefined;
}

const lost: Told = { data: null, code: undefined };

/** Sends an operation from an address of its own, and waits as long as the server lives: who stops waiting does not know what becomes of it. */
export async function ask({ url }: { url: string }, query: string, variables: object = {}, token?: string): Promise<Told> {
  const headers = {
    'content-type': 'application/json',
    'x-forwarded-for': newAddress(),
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })
    .then((response) => response.json() as Promise<{ data?: unknown; errors?: { extensions: { code: string } }[] }>)
    .catch(() => undefined);
  return answer ? { data: answer.errors ? null : answer.data, code: answer.errors?.[0]?.extensions.code } : lost;
}

export const newAddress = () => `10.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`;

export const globalId = (type: string, uuid: string) => Buffer.from(`${type}:${uuid}`).toString('base64');
