const most = 500; // security.md F29

/** What waits for one reader: put in by whoever has it, taken out in order, when the reader gets to it. */
export interface BoundedQueue<T> {
  push(value: T): void;
  /**
   * Waits until there is something and takes all of it; nothing once the inbox is closed. `behind` where more was put in than it holds: what
   * was in it is gone, and the reader looks for it where it came from. Rejects once it failed.
   */
  drain(): Promise<readonly T[] | 'behind'>;
  /** Nothing more goes in or comes out; whoever waits is let go. */
  close(): void;
  /** As `close`, but whoever takes is told this. */
  fail(error: Error): void;
  /** How much waits; more than it holds where that is gone. */
  readonly size: number;
}

export function createBoundedQueue<T>(): BoundedQueue<T> {
  let values: T[] = [];
  let isOpen = true;
  let failed: Error | undefined;
  let isBehind = false;
  let wake = () => {};
  const end = (error?: Error) => {
    if (!isOpen) return;
    isOpen = false;
    failed = error;
    values = [];
    wake();
  };
  return {
    push(value) {
      if (!isOpen || isBehind) return;
      values.push(value);
      isBehind = values.length > most;
      wake();
      if (isBehind) values = [];
    },
    async drain() {
      if (isOpen && values.length === 0 && !isBehind)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      if (failed) throw failed;
      if (isBehind && isOpen) {
        isBehind = false;
        return 'behind';
      }
      const taken = values;
      values = [];
      return taken;
    },
    close: () => end(),
    fail: end,
    get size() {
      return isBehind ? most + 1 : values.length;
    },
  };
}
