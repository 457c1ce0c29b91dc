import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errors } from '../../src/errors.ts';
import { permissions } from '../../src/policy/permissions.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const find = (...patterns: string[]) => patterns.flatMap((pattern) => globSync(pattern, { cwd: root }));

/** The names in the first column of the tables of a page, such as `FORBIDDEN` or `users:read`. */
const firstColumn = (page: string, name = '[A-Z_]+') =>
  [...read(page).matchAll(new RegExp(`^\\| \`(?<name>${name})\` +\\|`, 'gm'))].map(({ groups }) => groups?.name);

describe('the documentation', () => {
  it('describes every setting once, and no other', () => {
    const settings = [...read('src/config.ts').matchAll(/^ {2}(?<name>[A-Z_]+): /gm)].map(({ groups }) => groups?.name);
    expect(firstColumn('docs/settings.md').sort()).toEqual([...new Set(settings)].sort());
  });

  it('documents what a client does on every error code', () => {
    expect(firstColumn('docs/clients.md').sort()).toEqual(Object.keys(errors).sort());
  });

  it('describes every permission', () => {
    expect(firstColumn('docs/permissions.md', '[a-z]+:[a-z]+').sort()).toEqual(Object.keys(permissions).sort());
  });

  it('names only files that exist', () => {
    const named = find('*.md', 'docs/*.md', 'docs/{decisions,recipes}/*.md').flatMap((page) =>
      [...read(page).matchAll(/`(?<path>[a-z]+\/[\w./-]+\.\w+)`/g)].map(({ groups }) => groups?.path ?? ''),
    );
    const places = ['', 'src', ...find('examples/*')];
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((path) => !places.some((place) => existsSync(join(root, place, path))))).toEqual([]);
  });

  it('contains every line of docs/security.md that code and documents cite', () => {
    const page = read('docs/security.md');
    const lines = [...page.matchAll(/^(?:\| )?(?<number>F?\d+(?:\.\d+)?) /gm)].map(({ groups }) => groups?.number);
    const files = find('{src,scripts,bench,soak,test,packages}/**/*.ts', 'prisma/schema.prisma', 'docs/**/*.md');
    const cited = files
      .filter((file) => !file.includes('node_modules'))
      .flatMap((file) =>
        [...read(file).matchAll(/security(?:\.md)?,? (?<numbers>(?:(?:F\d+|\d+\.\d+)(?:, | and )?)+)/g)].flatMap(({ groups }) =>
          (groups?.numbers?.match(/F\d+|\d+\.\d+/g) ?? []).map((number) => ({ file, number })),
        ),
      );
    expect(cited.length).toBeGreaterThan(80);
    expect(cited.filter(({ number }) => !lines.includes(number))).toEqual([]);
  });
});
