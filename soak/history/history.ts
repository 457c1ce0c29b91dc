/** What a request has opened and what may be used later: a session, an API token, a link, an invitation or a right. */
export interface Thing {
  readonly kind: 'session' | 'API token' | 'link' | 'invitation' | 'right';
  readonly id: string;
  readonly account: string;
  readonly domain: string | null;
  /** The number of the password that opened a session; later passwords have higher numbers. */
  readonly password: number | null;
  /** When the answer that opened it arrived: it was committed before. */
  readonly openedAt: number;
}

/** A request that ends things, from the moment of its acknowledgement. */
export interface End {
  readonly name: string;
  readonly acknowledgedAt: number;
  /** Things whose opening was answered before this time are ended: the start of the request, or of the one that undoes it. */
  openedBefore: number;
  /** Uses that were answered later are none of its business: the start of a request that lifts it. */
  until?: number;
  matches(thing: Thing): boolean;
}

/** Collects what was done and finds what was accepted although it had ended. Times are those of the monotonic clock. */
export function createHistory() {
  const ends: End[] = [];
  const violations: string[] = [];
  const counts = new Map<string, number>();

  const count = (name: string) => void counts.set(name, (counts.get(name) ?? 0) + 1);

  /** What had ended a thing before a use was sent at that time that is answered now. */
  function endOf(thing: Thing, sentAt: number): End | undefined {
    const now = performance.now();
    return ends.find(
      ({ acknowledgedAt, openedBefore, until, matches }) =>
        acknowledgedAt < sentAt && thing.openedAt <= openedBefore && now < (until ?? Number.POSITIVE_INFINITY) && matches(thing),
    );
  }

  /** Records a successful use that was sent at that time. */
  function use(thing: Thing, sentAt: number, how: string) {
    count(`used: ${thing.kind}`);
    const end = endOf(thing, sentAt);
    if (!end) return;
    const late = (sentAt - end.acknowledgedAt).toFixed(0);
    violations.push(`${how} accepted a ${thing.kind} (${thing.id}) that ${end.name} had ended ${late} ms before`);
  }

  /** Records an acknowledged request. Returns the end, so that one that undoes it can limit it. */
  function end(name: string, startedAt: number, matches: End['matches'], openedBefore = startedAt): End {
    const one = { name, acknowledgedAt: performance.now(), openedBefore, matches };
    ends.push(one);
    return one;
  }

  return { violations, counts, count, endOf, use, end };
}

export type History = ReturnType<typeof createHistory>;
