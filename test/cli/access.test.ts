import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRule } from '../../src/authorization/rules/parse-rule.ts';
import { print } from '../../src/authorization/rules/rule.ts';
import { access as schemaAccess } from '../authorization/access.ts';
import { spawnProcess } from './process.ts';

const script = join(import.meta.dirname, '../../scripts/access.ts');
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** A schema with one field that has this rule. */
const schemaWithRule = (rule: string, place = 'Query.place') => ({
  'schema.graphql': `type ${place.replace('.', ' { ')}: Int @access(rule: "${rule}") }`,
});

type Files = Partial<Record<'schema.graphql' | 'docs/AUTHORIZATION.md' | 'docs/access-widenings.md', string>>;

/** A repository with one commit, tagged `base`, and other versions of the files in its working tree. */
async function repository(before: Files, now: Files) {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
  folders.push(folder);
  const author = ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false'];
  const git = (...args: string[]) => execFileSync('git', [...author, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  git('init', '--quiet');
  await writeFiles(folder, before);
  git('add', '.');
  git('commit', '--quiet', '--message', 'base');
  git('tag', 'base');
  await writeFiles(folder, now);
  return { folder, commit: git('rev-parse', 'HEAD').trim() };
}

async function writeFiles(folder: string, files: Files) {
  await mkdir(join(folder, 'docs'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

async function access(folder: string, ...args: string[]) {
  const { output, ended } = spawnProcess('sh', ['-c', 'cd "$0" && exec "$@"', folder, process.execPath, script, ...args]);
  return { code: await ended, ...output };
}

/** The output of `diff base` when the rule of `Query.place` changes. */
async function diffOf(before: string, now: string, approved?: string) {
  const list = approved && { 'docs/access-widenings.md': `Since: base\n\n${approved}\n` };
  const { folder } = await repository(schemaWithRule(before), { ...schemaWithRule(now), ...list });
  return access(folder, 'diff', 'base');
}

const containing = (text: string) => expect.stringContaining(text);

describe('access diff', { timeout: 60_000 }, () => {
  it('fails when access is widened, and names the personas and rows that gain it', async () => {
    const { code, out, err } = await diffOf('admin', 'admin | domainAdmin');
    expect(out).toContain('widened  Query.place (not approved)');
    expect(out).toContain('+ domain admin, parent domain admin: user; user, by a superadmin; held role; other role; active domain\n');
    expect(out).toContain('+ foreign domain admin: held role; other role\n');
    expect([code, err]).toEqual([1, containing('1 widened without a line in docs/access-widenings.md')]);
  });

  it('accepts narrowed access and names the personas that lose it', async () => {
    expect(await diffOf('self | admin', 'self & session')).toMatchObject({ code: 0, out: containing('narrowed Query.place\n') });
    expect((await diffOf('signedIn', 'superadmin')).out).toMatch(/- other user, .*: every row\n/);
  });

  it('reports a widening even if others lose access', async () => {
    const { code, out } = await diffOf('superadmin', 'self');
    expect([code, out]).toEqual([1, expect.stringMatching(/widened {2}Query.place[\s\S]*\+ self:[\s\S]*- superadmin:/)]);
  });

  it('treats equivalent rules as the same', async () => {
    for (const [before, now] of [
      ['self | admin', 'admin | self'],
      ['session & (self | admin)', '(session & self) | (session & admin)'],
      ['anyone(because)', 'anyone(for another reason (or two))'],
      ['scope(users:read) & session', 'session'],
    ] as const)
      expect(await diffOf(before, now)).toEqual({ code: 0, err: containing('not compared'), out: containing('same     Query.place') });
  });

  it('considers API tokens, stale sessions and unconfirmed addresses separately', async () => {
    const { code, out } = await diffOf('scope(users:read) & self', 'scope(roles:read) & self');
    expect([code, out]).toEqual([1, containing('with an API token for roles:read\n')]);
    expect(out).toContain('- self:');
    expect(await diffOf('session & superadmin', 'superadmin')).toMatchObject({ code: 1, out: containing('with an API token\n') });
    const alone = /\+ callers with an unconfirmed address: every row[\s\S]*: every row, with an older session\n/;
    expect(await diffOf('session & fresh & confirmed', 'session')).toMatchObject({ code: 1, out: expect.stringMatching(alone) });
  });

  it('never assumes that an unknown condition is false', async () => {
    for (const [before, now] of [
      ['admin', 'admin | unheardOf'],
      ['admin | unheardOf', 'admin'],
      ['admin', 'admin & unheardOf(of)'],
    ] as const)
      expect(await diffOf(before, now)).toMatchObject({ code: 1, out: expect.stringMatching(/compared: "unheardOf.* truth table/) });
    const { folder } = await repository(schemaWithRule('admin', 'User.email'), schemaWithRule('admin | holds', 'User.email'));
    expect(await access(folder, 'diff', 'base')).toMatchObject({ code: 1, out: containing('"holds" is met by no persona') });
    expect(await diffOf('self(one)', 'self(other)')).toMatchObject({ code: 1, out: containing('+ callers with self(other): every row\n') });
  });

  it('lists new and removed coordinates without comparing them', async () => {
    const { folder } = await repository(schemaWithRule('self', 'Query.old'), schemaWithRule('anyone(why not)', 'Query.young'));
    const { code, out } = await access(folder, 'diff', 'base');
    expect([code, out]).toEqual([0, containing('Since base: 0 widened, 0 narrowed, 0 same, 1 new, 1 gone.')]);
    expect(out).toMatch(/new {6}Query.young\n.*anyone\(why not\)\ngone {5}Query.old\n/);
  });

  it('treats an argument or a filter without a rule as open', async () => {
    const guarded = 'type Query { list(all: Int @access(rule: "admin")): Int } input ListFilter { name: Int @access(rule: "admin") }';
    const states = [{ 'schema.graphql': guarded }, { 'schema.graphql': guarded.replaceAll('@access(rule: "admin")', '') }] as const;
    const [opened, closed] = [await repository(...states), await repository(states[1], states[0])];
    const { code, out } = await access(opened.folder, 'diff', 'base');
    expect([code, out]).toEqual([1, expect.stringMatching(/widened {2}ListFilter.name [\s\S]*widened {2}Query.list\(all:\) /)]);
    expect(await access(closed.folder, 'diff', 'base')).toMatchObject({ code: 0, out: containing('2 narrowed') });
  });
});

describe('an approval in docs/access-widenings.md', { timeout: 60_000 }, () => {
  it('accepts a widening of its coordinate only', async () => {
    const line = (place: string) => `- \`${place}\`: everybody asked for it`;
    expect(await diffOf('admin', 'signedIn', line('Query.place'))).toMatchObject({
      code: 0,
      out: containing('widened  Query.place (approved)'),
    });
    expect(await diffOf('admin', 'signedIn', line('Query.places'))).toMatchObject({
      code: 1,
      err: containing('Query.places, which is not widened'),
    });
  });

  it('is reported as unused when nothing is widened', async () => {
    expect(await diffOf('signedIn', 'admin', '- `Query.place`: it was')).toMatchObject({ code: 0, err: containing('the line is unused') });
  });

  it('requires a reason', async () => {
    for (const line of ['- `Query.place`', '- `Query.place`: ', '- Query.place: why'])
      expect(await diffOf('admin', 'signedIn', line)).toMatchObject({ code: 2, err: containing('a line that approves nothing') });
  });
});

describe('the base commit', { timeout: 60_000 }, () => {
  it('is that of docs/access-widenings.md by default', async () => {
    const { folder, commit } = await repository(schemaWithRule('admin'), schemaWithRule('self'));
    expect(await access(folder, 'diff')).toMatchObject({ code: 2, out: '', err: containing('no line "Since: <commit>"') });
    await writeFiles(folder, { 'docs/access-widenings.md': `# Approved\n\nSince: ${commit}\n` });
    expect(await access(folder, 'diff')).toMatchObject({ code: 1, out: containing(`Since ${commit}: 1 widened`) });
  });

  it('is rejected with one sentence when it is unknown or has no schema', async () => {
    const { folder } = await repository({ 'docs/access-widenings.md': '' }, schemaWithRule('self'));
    expect(await access(folder, 'diff', 'v99')).toEqual({ code: 2, out: '', err: 'There is no commit v99 in this clone.\n' });
    expect(await access(folder, 'diff', '--all')).toEqual({ code: 2, out: '', err: 'There is no commit --all in this clone.\n' });
    expect(await access(folder, 'diff', 'base')).toEqual({ code: 2, out: '', err: 'There is no schema.graphql in base.\n' });
  });

  it('is the only argument: others print the usage', async () => {
    for (const args of [['write'], ['diff', 'base', 'more']])
      expect(await access('.', ...args)).toMatchObject({ code: 2, out: '', err: containing('Usage:') });
  });
});

describe('the executed tables', { timeout: 60_000 }, () => {
  const table = (personas: string, ...lines: string[]) =>
    [
      `| place | about | ${personas} | rule |`,
      '| --- | --- | --- | --- | --- |',
      ...lines.map((line) => `| ${line} | \`self \\| admin\` |`),
    ].join('\n');
  const before = table('self | other', 'User.email | user | ✔ | ∅', 'User.phone | user | ✔ | –');
  async function diffTo(now: string) {
    const { folder } = await repository({ ...schemaWithRule('self'), 'docs/AUTHORIZATION.md': before }, { 'docs/AUTHORIZATION.md': now });
    return access(folder, 'diff', 'base');
  }

  it('reveal a widening that no rule shows', async () => {
    const { code, out } = await diffTo(table('self | other', 'User.email | user | ✔ | ✔', 'User.phone | user | ∅ | –'));
    expect([code, out]).toEqual([1, containing('widened  User.email (not approved)\n         + executed, other about user: ∅ became ✔\n')]);
    expect(out).toContain('narrowed User.phone\n         - executed, self about user: ✔ became ∅\n');
  });

  it('may have new rows and new columns', async () => {
    const now = table('custom | self | other', 'User.email | user | ✔ | ✔ | ∅', 'User.email | admin | ✔ | ✔ | ✔');
    expect(await diffTo(now)).toEqual({ code: 0, err: '', out: 'Since base: 0 widened, 0 narrowed, 0 same, 0 new, 0 gone.\n' });
  });
});

describe('a printed rule', { timeout: 60_000 }, () => {
  it('parses the printed rule of every coordinate back unchanged', () => {
    expect(schemaAccess.rules.size).toBeGreaterThan(100);
    for (const [coordinate, rule] of schemaAccess.rules) expect([coordinate, parseRule(print(rule))]).toEqual([coordinate, rule]);
  });

  it('rejects a rule that cannot be parsed, naming its coordinate', async () => {
    for (const bad of ['', 'self |', 'self | admin & fresh', '(self | admin', 'anyone(why', 'self admin', 'self)'])
      expect(await diffOf('self', bad)).toMatchObject({
        code: 2,
        out: '',
        err: containing('Query.place in schema.graphql of the working tree'),
      });
  });
});
