import { failure } from './errors.ts';

const most = 500; // security.md F29

/** What waits for one reader: put in by whoever has it, taken out in order, when the reader gets to it. */
export interface Inbox<T> {
  put(value: T): void;
  /** Waits for the next value; done once the inbox is closed. Rejects once more was put in than an inbox holds. */
  next(): Promise<IteratorResult<T, undefined>>;
  /** Nothing more goes in or comes out; whoever waits is let go. */
  close(): void;
  readonly size: number;
  readonly overflowed: Promise<void>;
}

export function createInbox<T>(): Inbox<T> {
  const overflow = Promise.withResolvers<void>();
  let values: T[] = [];
  let state: 'open' | 'closed' | 'overflowed' = 'open';
  let wake = () => {};
  const end = (as: typeof state) => {
    if (state === 'open') state = as;
    values = [];
    wake();
  };
  return {
    put(value) {
      if (state !== 'open') return;
      values.push(value);
      if (values.length <= most) return wake();
      end('overflowed');
      overflow.resolve();
    },
    async next() {
      while (state === 'open' && values.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      if (state === 'overflowed') throw failure('UNAVAILABLE');
      return state === 'open' ? { done: false, value: values.shift() as T } : { done: true, value: undefined };
    },
    close: () => end('closed'),
    get size() {
      return values.length;
    },
    overflowed: overflow.promise,
  };
}
