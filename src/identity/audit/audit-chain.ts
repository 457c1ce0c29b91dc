import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, sql } from '../../database/database.ts';
import { startPoller } from '../../lib/poller.ts';
import type { Logger } from '../../logger.ts';

const pollInterval = 500; // milliseconds; a new event is in the chain within a second
const batchSize = 1_000; // takes some 50 ms
const headInterval = 60_000; // milliseconds between two log lines: events deleted from the end are missed for at most as long

/** The last event of the chain: everything up to it is covered by the hash. */
export interface ChainHead {
  readonly position: bigint;
  /** In hexadecimal. */
  readonly hash: string;
}

type Query = Pick<Database, 'query'>;

/** Chains new audit events and logs the head of the chain while it moves. Of several servers one chains at a time. */
export function startAuditChain(db: Query, log: Logger): { close(): Promise<void> } {
  let logged: ChainHead | undefined;
  let loggedAt = Number.NEGATIVE_INFINITY;
  const chain = async () => {
    if ((await chainBatch(db)) === batchSize) return poller.wake();
    if (performance.now() < loggedAt + headInterval) return;
    const head = await readHead(db);
    if (head.position !== logged?.position) log.info({ event: 'sys_audit_head', head: formatHead(head) }, 'head of the audit chain');
    logged = head;
    loggedAt = performance.now();
  };
  const poller = startPoller(chain, {
    interval: pollInterval,
    onFailure: (error) => log.warn({ event: 'sys_polling_failed', error: error.message }, 'chaining audit events failed; retrying'),
  });
  return { close: poller.stop };
}

/** Chains all committed events, unless a server does so at the moment. */
export async function chainAllEvents(db: Query): Promise<void> {
  while ((await chainBatch(db)) === batchSize);
}

const maxWait = 1_000; // milliseconds; a batch takes some 50 ms

/**
 * Chains the events that have been committed, so that a list read next contains them. While a server is chaining, waits until its batch is visible, but
 * not for a server that hangs: then the list lacks the newest events, and has them later.
 */
export async function chainCommittedEvents(db: Query): Promise<void> {
  const deadline = performance.now() + maxWait;
  while (performance.now() < deadline) {
    const [{ waiting }] = (await db.query<{ waiting: boolean }>(sql`select exists (select from "AuditQueue") as waiting`)) as [
      { waiting: boolean },
    ];
    if (!waiting) return;
    if ((await chainBatch(db)) === 0) await sleep(10);
  }
}

async function chainBatch({ query }: Query): Promise<number> {
  const [row] = await query<{ count: number }>(sql`select chain_audit_events(${batchSize}::int) as count`);
  return row?.count ?? 0;
}

/** The head of the chain; position 0 if it is empty. */
export async function readHead({ query }: Query): Promise<ChainHead> {
  const [row] = await query<{ position: string; hash: string }>(sql`
    select position::text, encode(hash, 'hex') as hash from (
      (select position, hash from "AuditChain" order by position desc limit 1)
      union all (select position, hash from "AuditAnchor" order by position desc limit 1)
    ) last order by last.position desc limit 1`);
  return { position: BigInt(row?.position ?? 0), hash: row?.hash ?? genesisHash };
}

/** The hash before the first event. */
export const genesisHash = '0'.repeat(64);

/** The hash of an event: of the hash before it, and of its values as `<bytes>:<text>,` or `-,` for null (docs/decisions/0040). */
export function hashEvent(previousHash: string, values: readonly (string | null)[]): string {
  const content = values.map((value) => (value === null ? '-,' : `${Buffer.byteLength(value)}:${value},`)).join('');
  return createHash('sha256').update(previousHash, 'hex').update(content).digest('hex');
}

/** A head as it is logged, and as `verify-audit --head` reads it. */
export const formatHead = ({ position, hash }: ChainHead) => `${position}:${hash}`;

export function parseHead(text: string): ChainHead | undefined {
  const { position, hash } = /^(?<position>\d{1,18}):(?<hash>[\da-f]{64})$/.exec(text)?.groups ?? {};
  return position && hash ? { position: BigInt(position), hash } : undefined;
}
