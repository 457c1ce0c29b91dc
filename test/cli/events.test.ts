import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditActions } from '../../src/identity/audit/audit-actions.ts';
import { logEvents } from '../../src/log-events.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/events.md'), 'utf8');
const [, actions = '', events = ''] = page.split(/^## .*$/m);
const rowsOf = (section: string) =>
  new Map(
    [...section.matchAll(/^\| `([a-z_]+)` +\|(.*)\|$/gm)].map(([, name = '', row = '']) => [
      name,
      row.split('|').map((cell) => cell.trim()),
    ]),
  );
const sources = globSync('src/**/*.ts', { cwd: root })
  .filter((file) => !file.includes('generated'))
  .map((file) => readFileSync(join(root, file), 'utf8'));
const found = (pattern: RegExp) => sources.flatMap((text) => [...text.matchAll(pattern)].map(([, ...groups]) => groups));

describe('docs/events.md', () => {
  it('describes every action of the audit, and no other', () => {
    expect([...rowsOf(actions).keys()]).toEqual([...auditActions].sort());
  });

  it('names every reason of an action that the code writes', () => {
    const written = found(/action: '([a-z_]+)',\s+(?:result: '\w+',\s+)?reason: '([^']+)'/g);
    expect(written.length).toBeGreaterThan(25);
    const missing = written.filter(([action = '', reason = '']) => !rowsOf(actions).get(action)?.join().includes(`\`${reason}\``));
    expect(missing).toEqual([]);
  });

  it('describes every event of the log with its level, and no other', () => {
    expect([...rowsOf(events)].map(([name, [level]]) => [name, level])).toEqual(Object.entries(logEvents));
  });

  it('describes no event of the log that the code does not log', () => {
    const code = sources.filter((text) => !text.includes('export const logEvents')).join();
    expect(Object.keys(logEvents).filter((name) => !code.includes(`'${name}'`))).toEqual([]);
  });
});
