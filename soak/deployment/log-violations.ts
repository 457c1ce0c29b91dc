import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { FailingMailServer } from './mail-server.ts';

interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly event?: string;
  readonly msg?: string;
}

/** Lines that the logs of the servers should not contain, and events that they lack. */
export function logViolations(folder: string, { outages }: Pick<FailingMailServer, 'outages'>): string[] {
  const files = globSync(join(folder, 'node *.log'));
  const texts = files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((text) => ({ file: basename(file, '.log'), text, line: parseLine(text) })),
  );
  const counts = new Map<string, number>();
  for (const { line } of texts) if (line?.event) counts.set(line.event, (counts.get(line.event) ?? 0) + 1);
  console.log(
    `log: ${[...counts]
      .sort()
      .map(([event, count]) => `${event} ${count}`)
      .join(', ')}`,
  );
  const defects = texts.filter(({ text }) => /uncaught exception|unhandled rejection|failed unexpectedly/.test(text));
  const expected = ['sys_startup', ...(outages > 0 ? ['sys_mail_unavailable', 'sys_mail_available'] : [])];
  return [
    ...texts.filter(({ line }) => !line).map(({ file, text }) => `${file}: a line of the log is not JSON: ${text.slice(0, 200)}`),
    ...defects.map(({ file, text }) => `${file}: ${text.slice(0, 500)}`),
    ...expected.filter((event) => !counts.has(event)).map((event) => `no server has logged ${event}`),
  ];
}

/** Undefined if it is no line of the log. */
function parseLine(text: string): LogLine | undefined {
  try {
    const line = JSON.parse(text) as LogLine;
    return typeof line.level === 'string' && !Number.isNaN(Date.parse(line.time)) ? line : undefined;
  } catch {
    return undefined;
  }
}
