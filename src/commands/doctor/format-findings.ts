import type { Finding } from './finding.ts';

/** One line for each finding, and a last line with their number. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, status, message }) => `${status.padEnd('warning'.length)}  ${check.padEnd(width)}  ${message}`);
  return [...lines, '', summary(findings)].join('\n');
}

/** The same for programs. */
export const formatJson = (findings: readonly Finding[]): string =>
  JSON.stringify({ problems: count(findings, 'problem'), warnings: count(findings, 'warning'), checks: findings }, null, 2);

const count = (findings: readonly Finding[], status: Finding['status']) => findings.filter((finding) => finding.status === status).length;

function summary(findings: readonly Finding[]): string {
  const plural = (number: number, noun: string) => `${number || 'no'} ${noun}${number === 1 ? '' : 's'}`;
  const text = `${plural(count(findings, 'problem'), 'problem')}, ${plural(count(findings, 'warning'), 'warning')}.`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
