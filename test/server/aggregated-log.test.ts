import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAggregatedLog } from '../../src/lib/aggregated-log.ts';

interface Line {
  readonly event: string;
  readonly userId?: string | null;
}

describe('a line of the log that stands for several events', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('has only the fields in which they agree, so that it blames no user for the events of others', () => {
    const lines: unknown[] = [];
    const log = createAggregatedLog<Line>((fields, message) => lines.push([fields, message]));
    for (const userId of [null, 'ada', 'ada', 'bob']) log('network', { event: 'failed', userId }, 'failed');
    for (const userId of ['ada', 'bob', 'bob']) log('other network', { event: 'failed', userId }, 'failed');
    vi.advanceTimersByTime(60_000);
    expect(lines).toEqual([
      [{ event: 'failed', userId: null, count: 1 }, 'failed'],
      [{ event: 'failed', userId: 'ada', count: 1 }, 'failed'],
      [{ event: 'failed', count: 3 }, 'failed'],
      [{ event: 'failed', userId: 'bob', count: 2 }, 'failed'],
    ]);
  });
});
