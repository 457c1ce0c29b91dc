import { setTimeout as sleep } from 'node:timers/promises';
import { ask, type Told } from './ask.ts';
import type { Session } from './fixtures.ts';
import type { Node } from './node.ts';

const asks = [0, 50, 200, 500, 1_010, 1_100]; // milliseconds after the acknowledgement

/** How a node treated a token whose revocation was acknowledged. Times are milliseconds since then. */
export interface Refusal {
  readonly node: string;
  readonly sid: string;
  /** The latest accepted request; undefined if none. */
  readonly accepted: number | undefined;
  /** The first rejection; undefined if the node was not running. */
  readonly refused: number | undefined;
  /** True if it accepted the token after it had rejected it. */
  readonly wavered: boolean;
}

/** Sends the access token, and some times the refresh token, for a little more than a second. */
export async function watchRefusal(node: Node, { sid, accessToken, refreshToken }: Session, acknowledged: number): Promise<Refusal> {
  const answers: { from: number; to: number; told: Told }[] = [];
  const one = async (after: number, send: () => Promise<Told>) => {
    await sleep(Math.max(0, acknowledged + after - performance.now()));
    if (!node.isLiving) return;
    const from = performance.now() - acknowledged;
    const told = await send();
    answers.push({ from, to: performance.now() - acknowledged, told });
  };
  await Promise.all(asks.map((after) => one(after, () => askMe(node, accessToken))));
  await one(0, () => askRefresh(node, refreshToken));
  const accepted = answers.filter(({ told }) => told.data);
  const refused = answers.filter(({ told }) => told.code === 'TOKEN_REVOKED' || told.code === 'INVALID_TOKEN');
  const first = Math.min(...refused.map(({ to }) => to));
  return {
    node: node.name,
    sid,
    accepted: accepted.length > 0 ? Math.max(...accepted.map(({ from }) => from)) : undefined,
    refused: refused.length > 0 ? first : undefined,
    wavered: accepted.some(({ from }) => from > first),
  };
}

const askMe = (node: Node, token: string) => ask(node, '{ me { id } }', {}, token);

const askRefresh = (node: Node, refreshToken: string) =>
  ask(node, 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }', { input: { refreshToken } });

/** Sends each token to every node once. Returns the names of the nodes that accepted one. */
export async function acceptedAnywhere(nodes: readonly Node[], sessions: readonly Session[]): Promise<string[]> {
  const answers = nodes.flatMap((node) =>
    sessions.flatMap(({ sid, accessToken, refreshToken }) =>
      [askMe(node, accessToken), askRefresh(node, refreshToken)].map(async (told) => ((await told).data ? [`${node.name}: ${sid}`] : [])),
    ),
  );
  return (await Promise.all(answers)).flat();
}
