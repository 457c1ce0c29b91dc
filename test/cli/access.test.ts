import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRule } from '../../src/authorization/rules/parse-rule.ts';
import { ruleByCoordinate } from '../../src/authorization/rules/registry.ts';
import { print } from '../../src/authorization/rules/rule.ts';
import '../../src/schema/schema.ts';
import { spawnProcess } from './process.ts';

const script = join(import.meta.dirname, '../../scripts/access.ts');
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** A schema of one place, whose rule is this. */
const ruled = (rule: string, place = 'Query.place') => ({
  'schema.graphql': `type ${place.replace('.', ' { ')}: Int @access(rule: "${rule}") }`,
});

type Files = Partial<Record<'schema.graphql' | 'docs/AUTHORIZATION.md' | 'docs/access-widenings.md', string>>;

/** A repository whose one commit, `base`, has some files; another state of them is in its working tree. */
async function repository(before: Files, now: Files) {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
  folders.push(folder);
  const author = ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false'];
  const git = (...args: string[]) => execFileSync('git', [...author, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  git('init', '--quiet');
  await lay(folder, before);
  git('add', '.');
  git('commit', '--quiet', '--message', 'base');
  git('tag', 'base');
  await lay(folder, now);
  return { folder, commit: git('rev-parse', 'HEAD').trim() };
}

async function lay(folder: string, files: Files) {
  await mkdir(join(folder, 'docs'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

async function access(folder: string, ...args: string[]) {
  const { output: said, ended } = spawnProcess('sh', ['-c', 'cd "$0" && exec "$@"', folder, process.execPath, script, ...args]);
  return { code: await ended, ...said };
}

/** What `diff base` says when the rule of `Query.place` was one and is another. */
async function diffOf(before: string, now: string, approved?: string) {
  const list = approved && { 'docs/access-widenings.md': `Since: base\n\n${approved}\n` };
  const { folder } = await repository(ruled(before), { ...ruled(now), ...list });
  return access(folder, 'diff', 'base');
}

const says = (text: string) => expect.stringContaining(text);

describe('access diff', { timeout: 60_000 }, () => {
  it('fails when somebody gains, and names who, of which rows', async () => {
    const { code, out, err } = await diffOf('admin', 'admin | domainAdmin');
    expect(out).toContain('widened  Query.place (not approved)');
    expect(out).toContain('+ domain admin, parent domain admin: user; user, by a superadmin; held role; other role; active domain\n');
    expect(out).toContain('+ foreign domain admin: held role; other role\n');
    expect([code, err]).toEqual([1, says('1 widened without a line in docs/access-widenings.md')]);
  });

  it('lets pass what only narrows, and names who loses', async () => {
    expect(await diffOf('self | admin', 'self & session')).toMatchObject({ code: 0, out: says('narrowed Query.place\n') });
    expect((await diffOf('signedIn', 'superadmin')).out).toMatch(/- other user, .*: every row\n/);
  });

  it('takes a gain for a widening even if others lose', async () => {
    const { code, out } = await diffOf('superadmin', 'self');
    expect([code, out]).toEqual([1, expect.stringMatching(/widened {2}Query.place[\s\S]*\+ self:[\s\S]*- superadmin:/)]);
  });

  it('sees through other words for the same', async () => {
    for (const [before, now] of [
      ['self | admin', 'admin | self'],
      ['session & (self | admin)', '(session & self) | (session & admin)'],
      ['anyone(because)', 'anyone(for another reason (or two))'],
      ['scope(users:read) & session', 'session'],
    ] as const)
      expect(await diffOf(before, now)).toEqual({ code: 0, err: says('not compared'), out: says('same     Query.place') });
  });

  it('judges an API token, an older session and an unproven address by themselves', async () => {
    const { code, out } = await diffOf('scope(users:read) & self', 'scope(roles:read) & self');
    expect([code, out]).toEqual([1, says('with an API token for roles:read\n')]);
    expect(out).toContain('- self:');
    expect(await diffOf('session & superadmin', 'superadmin')).toMatchObject({ code: 1, out: says('with an API token\n') });
    const alone = /\+ whoever has not proven the address: every row[\s\S]*: every row, with an older session\n/;
    expect(await diffOf('session & fresh & confirmed', 'session')).toMatchObject({ code: 1, out: expect.stringMatching(alone) });
  });

  it('never takes an atom that it does not know for false', async () => {
    for (const [before, now] of [
      ['admin', 'admin | unheardOf'],
      ['admin | unheardOf', 'admin'],
      ['admin', 'admin & unheardOf(of)'],
    ] as const)
      expect(await diffOf(before, now)).toMatchObject({ code: 1, out: expect.stringMatching(/judged: "unheardOf.* truth table/) });
    const { folder } = await repository(ruled('admin', 'User.email'), ruled('admin | holds', 'User.email'));
    expect(await access(folder, 'diff', 'base')).toMatchObject({ code: 1, out: says('"holds" is met by nobody') });
    expect(await diffOf('self(one)', 'self(other)')).toMatchObject({ code: 1, out: says('+ whoever has self(other): every row\n') });
  });

  it('lists what is new and what is gone, and asks nobody about it', async () => {
    const { folder } = await repository(ruled('self', 'Query.old'), ruled('anyone(why not)', 'Query.young'));
    const { code, out } = await access(folder, 'diff', 'base');
    expect([code, out]).toEqual([0, says('Since base: 0 widened, 0 narrowed, 0 same, 1 new, 1 gone.')]);
    expect(out).toMatch(/new {6}Query.young\n.*anyone\(why not\)\ngone {5}Query.old\n/);
  });

  it('takes an argument or a filter without a rule for open', async () => {
    const guarded = 'type Query { list(all: Int @access(rule: "admin")): Int } input ListFilter { name: Int @access(rule: "admin") }';
    const states = [{ 'schema.graphql': guarded }, { 'schema.graphql': guarded.replaceAll('@access(rule: "admin")', '') }] as const;
    const [opened, shut] = [await repository(...states), await repository(states[1], states[0])];
    const { code, out } = await access(opened.folder, 'diff', 'base');
    expect([code, out]).toEqual([1, expect.stringMatching(/widened {2}ListFilter.name [\s\S]*widened {2}Query.list\(all:\) /)]);
    expect(await access(shut.folder, 'diff', 'base')).toMatchObject({ code: 0, out: says('2 narrowed') });
  });
});

describe('an approval', { timeout: 60_000 }, () => {
  it('lets a widening pass, at its place only', async () => {
    const line = (place: string) => `- \`${place}\`: everybody asked for it`;
    expect(await diffOf('admin', 'signedIn', line('Query.place'))).toMatchObject({ code: 0, out: says('widened  Query.place (approved)') });
    expect(await diffOf('admin', 'signedIn', line('Query.places'))).toMatchObject({
      code: 1,
      err: says('Query.places, which is not widened'),
    });
  });

  it('is told to be idle where nothing is widened, and nothing more', async () => {
    expect(await diffOf('signedIn', 'admin', '- `Query.place`: it was')).toMatchObject({ code: 0, err: says('the line is idle') });
  });

  it('needs a reason', async () => {
    for (const line of ['- `Query.place`', '- `Query.place`: ', '- Query.place: why'])
      expect(await diffOf('admin', 'signedIn', line)).toMatchObject({ code: 2, err: says('a line that approves nothing') });
  });
});

describe('the commit that is compared with', { timeout: 60_000 }, () => {
  it('is that of the list of approvals where none is named', async () => {
    const { folder, commit } = await repository(ruled('admin'), ruled('self'));
    expect(await access(folder, 'diff')).toMatchObject({ code: 2, out: '', err: says('no line "Since: <commit>"') });
    await lay(folder, { 'docs/access-widenings.md': `# Approved\n\nSince: ${commit}\n` });
    expect(await access(folder, 'diff')).toMatchObject({ code: 1, out: says(`Since ${commit}: 1 widened`) });
  });

  it('is refused in one sentence where it is unknown or has no schema', async () => {
    const { folder } = await repository({ 'docs/access-widenings.md': '' }, ruled('self'));
    expect(await access(folder, 'diff', 'v99')).toEqual({ code: 2, out: '', err: 'There is no commit v99 in this clone.\n' });
    expect(await access(folder, 'diff', '--all')).toEqual({ code: 2, out: '', err: 'There is no commit --all in this clone.\n' });
    expect(await access(folder, 'diff', 'base')).toEqual({ code: 2, out: '', err: 'There is no schema.graphql in base.\n' });
  });

  it('is one: anything else is answered by how it is used', async () => {
    for (const args of [['write'], ['diff', 'base', 'more']])
      expect(await access('.', ...args)).toMatchObject({ code: 2, out: '', err: says('Usage:') });
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
    const { folder } = await repository({ ...ruled('self'), 'docs/AUTHORIZATION.md': before }, { 'docs/AUTHORIZATION.md': now });
    return access(folder, 'diff', 'base');
  }

  it('show a widening that no rule shows', async () => {
    const { code, out } = await diffTo(table('self | other', 'User.email | user | ✔ | ✔', 'User.phone | user | ∅ | –'));
    expect([code, out]).toEqual([1, says('widened  User.email (not approved)\n         + executed, other about user: ∅ became ✔\n')]);
    expect(out).toContain('narrowed User.phone\n         - executed, self about user: ✔ became ∅\n');
  });

  it('may have new lines and new columns', async () => {
    const now = table('custom | self | other', 'User.email | user | ✔ | ✔ | ∅', 'User.email | admin | ✔ | ✔ | ✔');
    expect(await diffTo(now)).toEqual({ code: 0, err: '', out: 'Since base: 0 widened, 0 narrowed, 0 same, 0 new, 0 gone.\n' });
  });
});

describe('a rule', { timeout: 60_000 }, () => {
  it('is read as it was printed, at every place of the schema', () => {
    expect(ruleByCoordinate.size).toBeGreaterThan(100);
    for (const [coordinate, rule] of ruleByCoordinate) expect([coordinate, parseRule(print(rule))]).toEqual([coordinate, rule]);
  });

  it('that can not be read is refused, and its place named', async () => {
    for (const bad of ['', 'self |', 'self | admin & fresh', '(self | admin', 'anyone(why', 'self admin', 'self)'])
      expect(await diffOf('self', bad)).toMatchObject({ code: 2, out: '', err: says('Query.place in schema.graphql of the working tree') });
  });
});
