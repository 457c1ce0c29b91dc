import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from './node.ts';
import type { Postgres } from './postgres.ts';

const kinds = ['none', 'node killed', 'PostgreSQL killed', 'node and PostgreSQL killed', 'node paused', 'two nodes killed'] as const;

export type Fault = (typeof kinds)[number];

export const randomFault = (): Fault => kinds[randomInt(kinds.length)] ?? 'none';

/** Injects the fault, and resolves when everything is running again. */
export async function injectFault(fault: Fault, nodes: readonly Node[], postgres: Postgres): Promise<void> {
  const from = randomInt(nodes.length);
  const [one, two] = [nodes[from], nodes[(from + 1) % nodes.length]] as [Node, Node];
  if (fault === 'node paused') return one.pause(randomInt(1_000, 2_000));
  const killed = fault === 'two nodes killed' ? [one, two] : fault.startsWith('node') ? [one] : [];
  for (const node of killed) node.kill();
  if (fault.includes('PostgreSQL')) {
    if (killed.length > 0) await sleep(randomInt(50));
    postgres.kill();
    await sleep(randomInt(300));
    await postgres.start();
  }
  await Promise.all(killed.map((node) => node.start()));
}
