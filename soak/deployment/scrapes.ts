import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../node.ts';
import type { FailingMailServer } from './mail-server.ts';

const interval = 1_000; // milliseconds

/** The values of a metric of a node over the run. */
interface Series {
  /** The last value that was read. */
  last: number;
  lowest: number;
  /** The increase of a counter over all starts of the node. */
  total: number;
}

/** The metrics of the nodes as a monitoring system reads them. */
export interface Scrapes {
  /** Reads them until that time, whatever runs. */
  read(until: number): Promise<void>;
  /** Values at the end that are not as expected. */
  violations(mailServer: Pick<FailingMailServer, 'outages'>): Promise<string[]>;
}

/** `ports` are those of the metrics, in the order of the nodes. */
export function createScrapes(nodes: readonly Node[], ports: readonly number[]): Scrapes {
  const series = nodes.map(() => new Map<string, Series>());
  let [succeeded, failed] = [0, 0];

  async function scrape(index: number): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${ports[index]}/metrics`, { signal: AbortSignal.timeout(3_000) }).catch(() => undefined);
    const text = await response?.text().catch(() => undefined);
    if (response?.status !== 200 || text === undefined) return false;
    for (const [name, value] of parse(text)) {
      const known = series[index]?.get(name) ?? { last: 0, lowest: value, total: 0 };
      const total = known.total + (value >= known.last ? value - known.last : value); // a counter begins at 0 with each start
      series[index]?.set(name, { last: value, lowest: Math.min(known.lowest, value), total });
    }
    return true;
  }

  async function read(until: number) {
    for (; performance.now() < until; await sleep(interval))
      for (const [index, { isRunning }] of nodes.entries()) {
        if (await scrape(index)) succeeded += 1;
        else if (isRunning && nodes[index]?.isRunning) failed += 1; // it may have been killed at that moment
      }
  }

  async function violations({ outages }: Pick<FailingMailServer, 'outages'>): Promise<string[]> {
    const unread = (await Promise.all(nodes.map((_, index) => scrape(index)))).filter((isRead) => !isRead).length;
    const sum = (prefix: string) =>
      series.reduce((all, one) => all + [...one].reduce((part, [name, { total }]) => part + (name.startsWith(prefix) ? total : 0), 0), 0);
    const counted = [
      'fieldgate_logins_total{outcome="OK"}',
      'fieldgate_refreshes_total{outcome="OK"}',
      'fieldgate_emails_total{outcome="sent"}',
    ];
    console.log(`metrics: ${succeeded} scrapes, ${failed} failed; ${counted.map((name) => `${name} ${sum(name)}`).join(', ')}`);
    const final = { fieldgate_ready: 1, fieldgate_database_up: 1, fieldgate_mail_server_up: 1, fieldgate_outbox_emails_waiting: 0 };
    return [
      ...(unread > 0 ? [`${unread} nodes serve no metrics at the end`] : []),
      ...Object.entries(final).flatMap(([name, expected]) =>
        nodes.flatMap((node, index) => {
          const value = series[index]?.get(name)?.last;
          return value === expected ? [] : [`${node.name}: ${name} is ${value} at the end`];
        }),
      ),
      ...counted.filter((name) => sum(name) === 0).map((name) => `${name} counts nothing`),
      ...(outages > 0 && series.every((one) => one.get('fieldgate_mail_server_up')?.lowest !== 0)
        ? ['no scrape has shown that the mail server was unavailable']
        : []),
    ];
  }

  return { read, violations };
}

/** The samples of the text format: names with labels, and values. */
const parse = (text: string): [name: string, value: number][] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]);
