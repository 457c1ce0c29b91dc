import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from './fixtures.ts';
import type { Node } from './node.ts';
import { type OperationResponse, sendOperation } from './send-operation.ts';

const checkTimes = [0, 50, 200, 500, 1_010, 1_100]; // milliseconds after the acknowledgement

/** How a node treated a token after its revocation was acknowledged. Times are milliseconds since then. */
export interface Rejection {
  readonly node: string;
  readonly sid: string;
  /** The latest request that was still accepted; undefined if none was. */
  readonly accepted: number | undefined;
  /** The first rejection; undefined if the node was not running. */
  readonly rejected: number | undefined;
  /** Whether it accepted the token after a rejection. */
  readonly acceptedAgain: boolean;
}

/** Sends requests with the access token for a little more than a second, and one with the refresh token. */
export async function watchRejection(node: Node, { sid, accessToken, refreshToken }: Session, acknowledged: number): Promise<Rejection> {
  const answers: { from: number; to: number; response: OperationResponse }[] = [];
  const one = async (after: number, send: () => Promise<OperationResponse>) => {
    await sleep(Math.max(0, acknowledged + after - performance.now()));
    if (!node.isRunning) return;
    const from = performance.now() - acknowledged;
    const response = await send();
    answers.push({ from, to: performance.now() - acknowledged, response });
  };
  await Promise.all(checkTimes.map((after) => one(after, () => requestMe(node, accessToken))));
  await one(0, () => requestRefresh(node, refreshToken));
  const accepted = answers.filter(({ response }) => response.data);
  const rejected = answers.filter(({ response }) => response.code === 'TOKEN_REVOKED' || response.code === 'INVALID_TOKEN');
  const first = Math.min(...rejected.map(({ to }) => to));
  return {
    node: node.name,
    sid,
    accepted: accepted.length > 0 ? Math.max(...accepted.map(({ from }) => from)) : undefined,
    rejected: rejected.length > 0 ? first : undefined,
    acceptedAgain: accepted.some(({ from }) => from > first),
  };
}

const requestMe = (node: Node, token: string) => sendOperation(node, '{ me { id } }', {}, token);

const requestRefresh = (node: Node, refreshToken: string) =>
  sendOperation(node, 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }', { input: { refreshToken } });

/** Tries each token at every node once. Returns the nodes that accepted one. */
export async function acceptedAnywhere(nodes: readonly Node[], sessions: readonly Session[]): Promise<string[]> {
  const answers = nodes.flatMap((node) =>
    sessions.flatMap(({ sid, accessToken, refreshToken }) =>
      [requestMe(node, accessToken), requestRefresh(node, refreshToken)].map(async (response) =>
        (await response).data ? [`${node.name}: ${sid}`] : [],
      ),
    ),
  );
  return (await Promise.all(answers)).flat();
}
