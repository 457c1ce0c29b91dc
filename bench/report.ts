import type { Compared } from './rounds.ts';

const headings = [
  '',
  'req/s',
  'p50 ms',
  'p99 ms',
  'CPU µs',
  'limit req/s',
  'p50',
  'p99',
  'CPU µs',
  'ratio (min … max)',
  'by CPU',
  'target',
  '',
];

/** One line of the table of comparisons. */
export function row(name: string, { ours, limit, ratio, byCpu }: Compared, target: number): string[] {
  const of = ({ perSecond, p50, p99, cpu }: Compared['ours']) => [perSecond.toFixed(0), p50.toFixed(2), p99.toFixed(2), cpu.toFixed(0)];
  const spread = `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} … ${ratio.max.toFixed(2)})`;
  return [name, ...of(ours), ...of(limit), spread, byCpu.median.toFixed(2), `≥ ${target.toFixed(2)}`, mark(ratio.median >= target)];
}

export const costHeadings = [
  'cost of access',
  'req/s',
  'p50 ms',
  'CPU µs',
  'without req/s',
  'p50',
  'CPU µs',
  'by time (min … max)',
  'by CPU (min … max)',
  'target',
  '',
];

/** One line of the table of additional costs: time and processor time. */
export function costRow(name: string, { ours, limit, ratio, byCpu }: Compared, target: number | undefined): string[] {
  const of = ({ perSecond, p50, cpu }: Compared['ours']) => [perSecond.toFixed(0), p50.toFixed(2), cpu.toFixed(0)];
  const more = (share: number) => `${((1 / share - 1) * 100).toFixed(1)} %`;
  const costs = [ratio, byCpu].map(({ median, min, max }) => `${more(median)} (${more(max)} … ${more(min)})`);
  if (target === undefined) return [name, ...of(ours), ...of(limit), ...costs, '', ''];
  const met = [ratio, byCpu].every(({ median }) => 1 / median - 1 <= target);
  return [name, ...of(ours), ...of(limit), ...costs, `≤ ${target * 100} %`, mark(met)];
}

export const mark = (met: boolean) => (met ? 'met' : 'MISSED');

export function printTable(rows: readonly string[][], heads: readonly string[] = headings) {
  const all = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  for (const cells of all)
    console.log(cells.map((cell, column) => (column ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  '));
}
