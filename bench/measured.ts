/** What a round of load came to. Times are milliseconds. */
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

/** The value below which that share of the sorted values lies. */
export const quantile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

export const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
export const median = (values: readonly number[]) => quantile(sorted(values), 0.5);
