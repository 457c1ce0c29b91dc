/** The result of a round of load. Times are milliseconds. */
export interface Measured {
  readonly count: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export function summary(times: number[], took: number): Measured {
  times.sort((a, b) => a - b);
  return { count: times.length, perSecond: (times.length * 1000) / took, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** A quantile of sorted values. */
export const quantile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

export const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
export const median = (values: readonly number[]) => quantile(sorted(values), 0.5);
