import { setImmediate as waitForIo } from 'node:timers/promises';
import { sql } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';
import { type Context, createContext } from '../../graphql/context.ts';
import type { DeliveredPosition } from '../../graphql/execution/connection.ts';
import type { EventWithContext, SubscriptionSource } from '../../graphql/execution/subscribe.ts';
import { resolveCursor } from '../../identity/tokens/revocation-cursor.ts';
import { isBefore, type Position, type Revocation, readRevocations } from '../../identity/tokens/revocation-log.ts';
import { credentialOf } from '../../identity/viewer.ts';
import type { BoundedQueue } from '../../lib/bounded-queue.ts';
import {
  canSee,
  isInScope,
  type RevocationArgs,
  type RevocationScope,
  requireAccess,
  resolveScope,
  scopeWhere,
} from './revocation-scope.ts';

const batchSize = 100; // events that are read from the log, and authorized, at once
const slowBatchSize = 10; // events that are authorized at once if each takes long
const maxUninterrupted = 20; // events after which requests and other subscriptions are served
const accessValidFor = 250; // milliseconds for which a check of the viewer's access holds (security.md F20: 1 s)

/**
 * starting: resolves the arguments. catching up: delivers from the log, after `after` or after an overflow. waiting: for the queue.
 * delivering: from the queue.
 */
type State = 'starting' | 'catching up' | 'waiting' | 'delivering';

/**
 * One `tokenRevoked` subscription. The viewer's access is checked again for the events, for all that are available at once. A subscription that
 * loads objects for each event takes turns with the others of its kind; those that only read the log go first.
 */
export class RevocationSubscription implements SubscriptionSource<Revocation> {
  readonly #context: Context;
  readonly #args: RevocationArgs & { readonly after?: string | null };
  readonly #ownTokenId: string;
  readonly #loadsObjects: boolean;
  readonly #events: AsyncGenerator<EventWithContext<Revocation>, undefined>;
  #state: State = 'starting';
  /** By the client, or with the revocation of the viewer's own token. Never reset, so that no state that is set later can hide the end. */
  #isEnded = false;
  #failure: Error | undefined;
  #queue: BoundedQueue<Revocation> | undefined;
  #deliveredTo: Position | undefined;
  /** When everything up to `#deliveredTo` was the whole log. */
  #completeAt: number | undefined;

  constructor(context: Context, args: RevocationArgs & { readonly after?: string | null }, loadsObjects: boolean) {
    this.#context = context;
    this.#args = args;
    this.#ownTokenId = context.viewer?.token.id ?? '';
    this.#loadsObjects = loadsObjects;
    this.#events = this.#run();
  }

  next() {
    return this.#events.next();
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#end();
    await this.#events.return(undefined);
    return { done: true, value: undefined };
  }

  fail(error: Error) {
    this.#failure ??= error;
    this.#queue?.fail(error);
  }

  position(): DeliveredPosition | undefined {
    const { revocations } = this.#context;
    if (this.#state === 'waiting' && this.#queue?.size === 0) return { at: revocations.position, age: revocations.age() };
    if (!this.#deliveredTo || this.#completeAt === undefined) return undefined;
    return { at: this.#deliveredTo, age: performance.now() - this.#completeAt };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async *#run(): AsyncGenerator<EventWithContext<Revocation>, undefined> {
    const { db, keys, revocations } = this.#context;
    const scope = await resolveScope(this.#context, 'Subscription', this.#args);
    const { after } = this.#args;
    if (after != null) {
      this.#deliveredTo = await resolveCursor(db, keys, after);
      yield* this.#catchUp(scope, this.#deliveredTo); // before there is a queue, which this could overflow
    }
    if (this.#isEnded) return undefined;
    const matches = (event: Revocation) => event.tokenId === this.#ownTokenId || isInScope(scope, event);
    const queue = revocations.subscribe(matches, this.#loadsObjects ? 'slow' : 'batched');
    this.#queue = queue;
    if (this.#failure) queue.fail(this.#failure); // it failed before there was a queue
    try {
      this.#deliveredTo ??= revocations.position;
      if (after != null) yield* this.#catchUp(scope, this.#deliveredTo); // what was logged before the queue was subscribed
      if (!this.#isEnded) await loadAccess(this.#context); // the token may have been revoked before
      while (!this.#isEnded) {
        if (queue.size === 0) this.#completeAt = performance.now() - revocations.age();
        this.#state = 'waiting';
        const events = await queue.drain();
        if (events.length === 0) return undefined;
        if (events === 'overflow') yield* this.#catchUp(scope, this.#deliveredTo);
        else yield* this.#deliver(scope, events);
      }
      return undefined;
    } finally {
      queue.close();
    }
  }

  /** Delivers the rest of the log. */
  async *#catchUp(scope: RevocationScope, from: Position): AsyncGenerator<EventWithContext<Revocation>, void> {
    this.#state = 'catching up';
    const where = sql`(${scopeWhere(scope)} or r."tokenId" = ${this.#ownTokenId}::uuid)`;
    for (let next: Position | undefined = from; next && !this.#isEnded; ) {
      if (this.#failure) throw this.#failure;
      const events: Revocation[] = await readRevocations(this.#context.db, next, batchSize, where);
      yield* this.#deliver(scope, events);
      next = events[batchSize - 1];
    }
  }

  /** Delivers the events that the viewer can see. Ends with the revocation of the viewer's own token. */
  async *#deliver(scope: RevocationScope, events: readonly Revocation[]): AsyncGenerator<EventWithContext<Revocation>, void> {
    if (this.#state === 'waiting') this.#state = 'delivering';
    const pending = events.filter((event) => !this.#deliveredTo || isBefore(this.#deliveredTo, event));
    while (pending.length > 0 && !this.#isEnded) {
      let endTurn = await this.#takeTurn();
      const batch = pending.slice(0, this.#loadsObjects ? slowBatchSize : batchSize);
      const validUntil = performance.now() + accessValidFor;
      const contexts = await authorize(this.#context, scope, batch).catch((error: Error) => {
        endTurn();
        throw error;
      });
      for (const [index, event] of batch.entries()) {
        if (index > 0) endTurn = await this.#takeTurn();
        if (index % maxUninterrupted === maxUninterrupted - 1) await waitForIo();
        const context = contexts[index];
        const isStale = index > 0 && performance.now() > validUntil; // the client or its turn was late: access may have changed
        const mustStop = isStale || this.#isEnded || this.#failure !== undefined;
        if (mustStop || !context) endTurn();
        if (mustStop) break;
        if (context) yield { context: withFreshCaches(context), event, onExecuted: endTurn };
        if (context && this.#state === 'delivering') this.#recordDelivery(event); // the connection has taken it, and waits for the next one
        pending.shift();
        this.#deliveredTo = event;
        if (event.tokenId === this.#ownTokenId) return this.#end();
      }
      if (this.#failure) throw this.#failure;
    }
  }

  #recordDelivery(event: Revocation) {
    const { metrics, revocations } = this.#context;
    metrics.revocationDelivery.observe(revocations.timeSince(event) / 1_000);
  }

  /** Waits for a turn if events take long; otherwise the turns of the others wait. Returns how to end it. */
  async #takeTurn(): Promise<() => void> {
    const { turns } = this.#context.revocations;
    if (this.#loadsObjects) return turns.take();
    turns.postpone();
    return () => {};
  }

  #end() {
    this.#isEnded = true;
    this.#queue?.close();
  }
}

/** For each event the context to resolve it in; undefined if the viewer cannot see it. Throws if the viewer has lost access. */
async function authorize(context: Context, scope: RevocationScope, events: readonly Revocation[]): Promise<(Context | undefined)[]> {
  const { current, isRevoked } = await loadAccess(context, events);
  const ownTokenId = context.viewer?.token.id;
  const others = isRevoked ? [] : events.filter(({ tokenId }) => tokenId !== ownTokenId);
  if (others.length > 0) await requireAccess(current, 'Subscription', scope);
  return Promise.all(
    events.map(async (event) => {
      const isDeliverable = event.tokenId === ownTokenId || !isRevoked;
      return isDeliverable && isInScope(scope, event) && (await canSee(current, event)) ? current : undefined;
    }),
  );
}

/**
 * Loads the viewer as of now into a new context. A viewer whose token is revoked by one of the events may still see that event, without any other
 * permission. Throws if the viewer has lost access otherwise.
 */
async function loadAccess(context: Context, events: readonly Revocation[] = []) {
  const tokenId = context.viewer?.token.id;
  const result = context.viewer ? await context.loadViewer.load(credentialOf(context.viewer)) : undefined;
  if (!result) throw graphqlError('UNAUTHENTICATED');
  const { viewer, rejection } = result;
  const revokesOwnToken = events.some((event) => event.tokenId === tokenId);
  if (rejection && !revokesOwnToken && (rejection !== 'TOKEN_REVOKED' || events.length === 0)) throw graphqlError(rejection);
  const restricted = rejection ? { ...viewer, grants: [], rank: 0, administeredDomainIds: [], permissions: new Set<string>() } : viewer;
  return { current: withFreshCaches(context, restricted), isRevoked: rejection !== null };
}

/** A new context: no two events share cached decisions (security.md 8.13). */
const withFreshCaches = (context: Context, viewer = context.viewer) => createContext(context, context, viewer, context);
