const interval = 60_000; // milliseconds
const maxKeys = 100; // a flood of different keys fills neither the memory nor the log

/** Logs an event. Events with the same `key` are counted together. */
type AggregatedLog<Fields> = (key: string, fields: Fields, message: string) => void;

interface Counted {
  readonly count: number;
}

/**
 * Creates a log that writes the first event of a key at once, and those of the next minute as one line at its end, with their number as `count`: a flood
 * of requests is no flood of lines (security.md 19.8). The line of several events has only the fields in which they agree. Once there are 100 keys
 * within a minute, further ones share one line.
 */
export function createAggregatedLog<Fields extends object>(
  write: (fields: Fields & Counted, message: string) => void,
): AggregatedLog<Fields> {
  const pending = new Map<string, { count: number; fields: Fields; message: string }>();
  const end = (key: string) => {
    const last = pending.get(key);
    pending.delete(key);
    if (last && last.count > 0) write({ ...last.fields, count: last.count }, last.message);
  };
  return (key, fields, message) => {
    const shared = pending.has(key) || pending.size < maxKeys ? key : 'more';
    const current = pending.get(shared);
    if (current) {
      const common = current.count === 0 ? fields : withoutDifferences(current.fields, fields);
      return void Object.assign(current, { count: current.count + 1, fields: common, message });
    }
    write({ ...fields, count: 1 }, message);
    pending.set(shared, { count: 0, fields, message });
    setTimeout(end, interval, shared).unref();
  };
}

const withoutDifferences = <Fields extends object>(one: Fields, other: Fields) =>
  Object.fromEntries(Object.entries(one).filter(([name, value]) => (other as Record<string, unknown>)[name] === value)) as Fields;
