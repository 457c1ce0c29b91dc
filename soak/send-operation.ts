import { randomInt } from 'node:crypto';

/** The response to an operation: its data or its error code; neither if the connection was lost. */
export interface OperationResponse {
  // biome-ignore lint/suspicious/noExplicitAny: the documents are not typed
  readonly data: any;
  readonly code: string | undefined;
}

const lost: OperationResponse = { data: null, code: undefined };

/** Sends an operation from a new address. Without a timeout: an abandoned command would have an unknown outcome. */
export async function sendOperation(
  { url }: { url: string },
  query: string,
  variables: object = {},
  token?: string,
): Promise<OperationResponse> {
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
