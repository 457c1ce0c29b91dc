const defaultCapacity = 500; // security.md F29

/** A queue with one reader. When it overflows, its content is dropped and the reader recovers from the source. */
export interface BoundedQueue<T> {
  push(value: T): void;
  /**
   * Waits for values and takes all of them; none once the queue is closed. After an overflow, returns 'overflow' once and accepts values again.
   * Rejects once the queue has failed.
   */
  drain(): Promise<readonly T[] | 'overflow'>;
  /** Drops all values and ends the wait of the reader. */
  close(): void;
  /** Like `close`, but the reader gets the error. */
  fail(error: Error): void;
  /** The number of values; more than the capacity after an overflow. */
  readonly size: number;
  /** True from an overflow until the reader has caught up and waits for values. */
  readonly isBehind: boolean;
}

export function createBoundedQueue<T>(capacity = defaultCapacity, onClose = () => {}): BoundedQueue<T> {
  let values: T[] = [];
  let isOpen = true;
  let failure: Error | undefined;
  let hasOverflowed = false;
  let isBehind = false;
  let wake = () => {};
  const end = (error?: Error) => {
    if (!isOpen) return;
    isOpen = false;
    failure = error;
    values = [];
    onClose();
    wake();
  };
  return {
    push(value) {
      if (!isOpen || hasOverflowed) return;
      values.push(value);
      hasOverflowed = values.length > capacity;
      if (hasOverflowed) {
        values = [];
        isBehind = true;
      }
      wake();
    },
    async drain() {
      if (isOpen && values.length === 0 && !hasOverflowed) {
        isBehind = false;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failure) throw failure;
      if (hasOverflowed && isOpen) {
        hasOverflowed = false;
        return 'overflow';
      }
      const drained = values;
      values = [];
      return drained;
    },
    close: () => end(),
    fail: end,
    get size() {
      return hasOverflowed ? capacity + 1 : values.length;
    },
    get isBehind() {
      return isBehind;
    },
  };
}
