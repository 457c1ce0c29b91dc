import { sql } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, createContext } from '../../graphql/context.ts';
import { createSource, type EventWithContext, type SubscriptionSource } from '../../graphql/execution/subscribe.ts';
import { isBefore, type Position, type Revocation, readRevocations, resolveCursor } from '../../identity/tokens/revocation-log.ts';
import type { BoundedQueue } from '../../lib/bounded-queue.ts';
import {
  canSee,
  followRule,
  isInScope,
  type RevocationArgs,
  type RevocationScope,
  requireAccess,
  resolveScope,
  revocationArgs,
  scopeWhere,
} from './revocation-scope.ts';
import { TokenRevocation } from './token-revocation.ts';

builder.subscriptionField('tokenRevoked', (t) =>
  t.field({
    type: TokenRevocation,
    nullable: false,
    description:
      "Each token that ends, as it ends: the viewer's own unless said; of what is asked for, what the viewer may know of. With `after`, first what was missed since then.",
    access: followRule,
    args: revocationArgs(),
    subscribe: (_, wanted, context) => createSource<Revocation>((inbox) => follow(context, wanted, inbox)) as never,
    resolve: (heard) => (heard as unknown as EventWithContext<Revocation>).event as never,
  }),
);

const page = 100; // missed records that are read at once, and events that are judged at once
const judgedFor = 250; // milliseconds for which a reading of rights holds, for events that came together (security.md F20: 1 s)

/** The revocations that were asked for. Who asks, and by what right, is read again for those that come, all that wait at once. */
function follow(
  context: Context,
  wanted: RevocationArgs & { after?: string | null },
  inbox: BoundedQueue<Revocation>,
): SubscriptionSource<Revocation> {
  const { db, revocations } = context;
  const own = context.viewer?.token.id ?? '';
  let at: Position | undefined; // unknown until it is known from where
  let allAt: number | undefined; // when that was all there was
  let isWaiting = false;
  const reached = (event: Position) => {
    at = event;
  };

  async function* missed(scope: RevocationScope, since: Position): AsyncGenerator<EventWithContext<Revocation>, boolean> {
    for (let after: Position | undefined = since; after; ) {
      const events: Revocation[] = await readRevocations(db, after, page, sql`(${scopeWhere(scope)} or r."tokenId" = ${own}::uuid)`);
      if (yield* judged(context, scope, events, reached)) return true;
      after = events[page - 1];
    }
    return false;
  }

  async function* events() {
    const scope = await resolveScope(context, 'Subscription', wanted);
    if (wanted.after != null) {
      at = await resolveCursor(db, wanted.after);
      if (yield* missed(scope, at)) return; // however much it is: only then what comes is kept, in an inbox that holds little
    }
    const stop = revocations.follow(inbox, (event) => event.tokenId === own || isInScope(scope, event));
    try {
      at ??= revocations.at;
      if (wanted.after != null && (yield* missed(scope, at))) return;
      await rightsNow(context); // the token may have ended before it was listened for
      for (;;) {
        if (inbox.size === 0) allAt = performance.now() - revocations.age();
        isWaiting = true;
        const events = await inbox.drain();
        isWaiting = false;
        if (events === 'behind') {
          if (yield* missed(scope, at as Position)) return;
          continue;
        }
        if (events.length === 0) return;
        const news = events.filter((event) => isBefore(at as Position, event));
        if (yield* judged(context, scope, news, reached)) return;
      }
    } finally {
      stop();
    }
  }

  const progress = () => {
    if (isWaiting && inbox.size === 0) return { at: revocations.at, age: revocations.age() };
    return at && allAt !== undefined ? { at, age: performance.now() - allAt } : undefined;
  };
  return { events: events(), position: progress };
}

/** Those of the events that the viewer may hear, with the context of each. Answers whether the viewer's own token has ended, which is the last that they hear. */
async function* judged(context: Context, scope: RevocationScope, events: readonly Revocation[], reached: (event: Position) => void) {
  const own = context.viewer?.token.id;
  for (let next = 0; next < events.length; ) {
    const together = events.slice(next, next + page);
    const until = performance.now() + judgedFor;
    const heard = await heardOf(context, scope, together);
    for (const [index, event] of together.entries()) {
      if (performance.now() > until && index > 0) break; // the client was slow to take them: rights may have changed
      const now = heard[index];
      if (now) yield { context: fresh(now), event };
      reached(event);
      next += 1;
      if (event.tokenId === own) return true;
    }
  }
  return false;
}

/** For each event the context to answer it in; undefined for what the viewer may not hear. Throws why they may hear no more. */
async function heardOf(context: Context, scope: RevocationScope, events: readonly Revocation[]): Promise<(Context | undefined)[]> {
  const { now, refused } = await rightsNow(context, events);
  const own = context.viewer?.token.id;
  const others = refused ? [] : events.filter(({ tokenId }) => tokenId !== own);
  if (others.length > 0) await requireAccess(now, 'Subscription', scope);
  return Promise.all(
    events.map(async (event) => {
      const isOurs = event.tokenId === own || !refused;
      return isOurs && isInScope(scope, event) && (await canSee(now, event)) ? now : undefined;
    }),
  );
}

/**
 * The viewer as of now, in a context of its own. The event that ends the viewer's own token is still theirs to hear, and nothing before it
 * once that has happened. Throws why the viewer may hear no more.
 */
async function rightsNow(context: Context, events: readonly Revocation[] = []) {
  const id = context.viewer?.token.id;
  const identified = id === undefined ? undefined : await context.loadViewer.load({ sid: id });
  if (!identified) throw graphqlError('UNAUTHENTICATED');
  const { viewer, rejection: refused } = identified;
  const endsHere = events.some(({ tokenId }) => tokenId === id);
  if (refused && !endsHere && (refused !== 'TOKEN_REVOKED' || events.length === 0)) throw graphqlError(refused);
  // Whose token has ended hears of that, and has no other right.
  const left = refused ? { ...viewer, grants: [], rank: 0, administeredDomainIds: [], permissions: new Set<string>() } : viewer;
  return { now: fresh(context, left), refused };
}

/** A context in which nothing is remembered: no two events share one (security.md 8.13). */
const fresh = (context: Context, viewer = context.viewer) => createContext(context, context, viewer, context);
