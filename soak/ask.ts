import { randomInt } from 'node:crypto';

/** The response of a server: the data, or an error code, or neither if the connection broke. */
export interface Told {
  // biome-ignore lint/suspicious/noExplicitAny: an untyped document returns anything
  readonly data: any;
  readonly code: string | undefined;
}

const lost: Told = { data: null, code: undefined };

/** Sends an operation from its own address, and waits as long as the server runs: after a timeout the outcome would be unknown. */
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
