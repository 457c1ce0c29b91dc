import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errors } from '../../src/errors.ts';
import { permissions } from '../../src/policy/permissions.ts';

const read = (file: string) => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

/** The names in the first column of the tables of a page, such as `FORBIDDEN` or `users:read`. */
const firstColumn = (page: string, name = '[A-Z_]+') =>
  [...read(page).matchAll(new RegExp(`^\\| \`(?<name>${name})\` +\\|`, 'gm'))].map(({ groups }) => groups?.name);

describe('the documentation', () => {
  it('describes every setting once, and no other', () => {
    const settings = [...read('src/config.ts').matchAll(/^ {2}(?<name>[A-Z_]+): /gm)].map(({ groups }) => groups?.name);
    expect(firstColumn('docs/settings.md').sort()).toEqual([...new Set(settings)].sort());
  });

  it('says of every error code what a client does on it', () => {
    expect(firstColumn('docs/clients.md').sort()).toEqual(Object.keys(errors).sort());
  });

  it('describes every permission', () => {
    expect(firstColumn('docs/permissions.md', '[a-z]+:[a-z]+').sort()).toEqual(Object.keys(permissions).sort());
  });
});
