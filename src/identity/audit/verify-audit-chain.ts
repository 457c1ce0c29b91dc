import { type Database, onTransaction, sql } from '../../database/database.ts';
import { type ChainHead, chainAllEvents, formatHead, genesisHash, hashEvent, readHead } from './audit-chain.ts';

/** The result of a verification. */
export interface ChainVerification {
  /** The faults, the first one in the chain first; empty if the audit is as it was written. */
  readonly faults: readonly string[];
  readonly head: ChainHead;
  /** The number of events in the chain. */
  readonly events: number;
  /** Where the retention has cut the chain last, if it has. */
  readonly anchor: Anchor | undefined;
  /** True if the given head is from before the anchor: the retention has deleted what it could be compared with. */
  readonly isHeadUnverified: boolean;
  /** The number of events that no server has chained yet. */
  readonly waiting: number;
}

interface Anchor extends ChainHead {
  readonly createdAt: Date;
}

interface Entry {
  readonly position: string;
  readonly hash: string;
  readonly eventId: string;
  /** The time that lists are ordered by. It is not hashed, but has to ascend along the chain. */
  readonly chainedAt: string | null;
  /** The values of the event in the order in which they are hashed; null if it is missing. */
  readonly values: readonly (string | null)[] | null;
}

type Query = Pick<Database, 'query'>;

const pageSize = 5_000;

/**
 * Recomputes the hash chain over all audit events in one snapshot. `recordedHead` is a head that was logged: it finds events that were deleted from
 * the end together with their entries in the chain.
 */
export async function verifyAuditChain(db: Database, recordedHead?: ChainHead): Promise<ChainVerification> {
  await chainAllEvents(db);
  return db.prisma.$transaction((tx) => verify(onTransaction(tx), recordedHead), {
    isolationLevel: 'RepeatableRead',
    timeout: 24 * 60 * 60_000,
  });
}

async function verify(db: Query, recordedHead: ChainHead | undefined): Promise<ChainVerification> {
  const anchors = await readAnchors(db);
  const faults = anchors.flatMap(({ missing, createdAt }) =>
    missing > 0 ? [`${missing} events had been deleted before the retention of ${createdAt.toISOString()}`] : [],
  );
  const anchor = anchors.at(-1);
  const walked = await walk(db, anchor ?? { position: 0n, hash: genesisHash }, recordedHead);
  const stray = [...(await unchainedEvents(db)), ...(await lostEvents(db))];
  const head = await readHead(db);
  return {
    faults: [...faults, ...walked.faults, ...stray, ...compareHead(head, anchor, recordedHead)],
    head,
    events: walked.events,
    anchor,
    isHeadUnverified: recordedHead !== undefined && anchor !== undefined && recordedHead.position < anchor.position,
    waiting: await countWaiting(db),
  };
}

/** Follows the chain from where it starts to the first fault. */
async function walk(db: Query, start: ChainHead, recordedHead: ChainHead | undefined) {
  let { position, hash } = start;
  let chainedAt = '';
  let events = 0;
  for (;;) {
    const page = await readEntries(db, position);
    for (const entry of page) {
      const next = position + 1n;
      const fault = faultOf(entry, next, hash) ?? orderFault(entry, chainedAt) ?? recordedFault(entry, recordedHead);
      if (fault) return { events, faults: [fault] };
      position = next;
      hash = entry.hash;
      chainedAt = entry.chainedAt ?? '';
      events += 1;
    }
    if (page.length < pageSize) return { events, faults: [] };
  }
}

function faultOf({ position, hash, eventId, values }: Entry, expected: bigint, previousHash: string): string | undefined {
  if (BigInt(position) !== expected) return `position ${expected} is missing: the entries up to ${position} were deleted`;
  if (!values) return `event ${eventId} at position ${position} was deleted`;
  if (hashEvent(previousHash, [position, ...values]) !== hash) return `event ${eventId} at position ${position} was changed`;
  return undefined;
}

const orderFault = ({ position, eventId, chainedAt }: Entry, previous: string) =>
  chainedAt === null || chainedAt < previous ? `event ${eventId} at position ${position} is not listed in its place` : undefined;

const recordedFault = ({ position, hash }: Entry, recorded: ChainHead | undefined) =>
  recorded && BigInt(position) === recorded.position && hash !== recorded.hash
    ? `position ${position} has another hash than the given head: the chain was rewritten`
    : undefined;

function compareHead(head: ChainHead, anchor: Anchor | undefined, recorded: ChainHead | undefined): string[] {
  if (!recorded) return [];
  if (recorded.position > head.position) return [`the chain ends at position ${head.position}: later events were deleted from the end`];
  if (anchor?.position === recorded.position && anchor.hash !== recorded.hash)
    return ['the chain starts with another hash than the given head'];
  return [];
}

const readAnchors = (db: Query) =>
  db
    .query<{ position: string; hash: string; missing: number; createdAt: Date }>(
      sql`select position::text, encode(hash, 'hex') as hash, missing, "createdAt" from "AuditAnchor" order by "AuditAnchor".position`,
    )
    .then((rows) => rows.map((row) => ({ ...row, position: BigInt(row.position), createdAt: new Date(row.createdAt) })));

const readEntries = (db: Query, after: bigint) =>
  db.query<Entry>(sql`
    select c.position::text, encode(c.hash, 'hex') as hash, c."eventId"::text,
      to_char(e."chainedAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "chainedAt", case when e.id is not null then array[
      e.id::text, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), e.action, e.result, e.reason, e."actorId"::text,
      e."actorTokenId"::text, e."userId"::text, e."domainId"::text, e."targetType", e."targetId"::text, e.network, e.agent, e."requestId",
      e.details::text] end as values
    from "AuditChain" c left join "AuditEvent" e on e.id = c."eventId" where c.position > ${after}::bigint order by c.position limit ${pageSize}::int`);

/** Events that are neither chained nor waiting to be: they were inserted without the trigger, or their entries were deleted. At most ten. */
const unchainedEvents = (db: Query) =>
  db
    .query<{ id: string }>(sql`
      select e.id::text from "AuditEvent" e where not exists (select from "AuditChain" c where c."eventId" = e.id)
        and not exists (select from "AuditQueue" q where q.at = e.at and q."eventId" = e.id) order by e.at, e.id limit 10`)
    .then((rows) => rows.map(({ id }) => `event ${id} is not in the chain`));

/** Events that were deleted before they were chained. At most ten. */
const lostEvents = (db: Query) =>
  db
    .query<{ id: string }>(sql`
      select q."eventId"::text as id from "AuditQueue" q where not exists (select from "AuditEvent" e where e.id = q."eventId") order by q.at limit 10`)
    .then((rows) => rows.map(({ id }) => `event ${id} was deleted before it was chained`));

async function countWaiting(db: Query): Promise<number> {
  const [row] = await db.query<{ count: number }>(sql`select count(*)::int as count from "AuditQueue"`);
  return row?.count ?? 0;
}

/** The verification in sentences. */
export function describeVerification({ faults, head, events, anchor, isHeadUnverified, waiting }: ChainVerification): readonly string[] {
  if (faults.length > 0) return faults;
  return [
    ...(isHeadUnverified ? [`The given head is before position ${anchor?.position} and was not verified.`] : []),
    `The audit ${isHeadUnverified ? 'after that position ' : ''}is unchanged: ${events} events, head ${formatHead(head)}.`,
    ...(anchor ? [`The retention deleted the events up to position ${anchor.position}, last at ${anchor.createdAt.toISOString()}.`] : []),
    ...(waiting > 0 ? [`${waiting} events are not in the chain yet; run the command again.`] : []),
  ];
}
