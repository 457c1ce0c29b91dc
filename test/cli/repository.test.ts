import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Locked {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly inBundle?: boolean;
  readonly link?: boolean;
  readonly optionalDependencies?: Record<string, string>;
}

describe('the repository', () => {
  it('locks every package by its digest and none to a registry host', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
    const ours = (name: string) => name === '' || name.startsWith('packages/');
    const locked = Object.entries(packages).filter(([name, { inBundle, link }]) => !ours(name) && !inBundle && !link);
    expect(locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([name]) => name)).toEqual([]);
    expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([name]) => name)).toEqual([]);
    expect(read('.npmrc')).toContain('omit-lockfile-registry-resolved=true');
  });

  it('locks the optional packages of other platforms, which npm ci requires', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
    const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
    const optional = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
    expect(optional.filter((name) => !names.has(name))).toEqual([]);
  });

  it('depends on exact versions, and on at most 30 packages in production', () => {
    const manifest = (file: string) => JSON.parse(read(file)) as Record<string, Record<string, string>>;
    const { dependencies, devDependencies, optionalDependencies } = manifest('package.json');
    const verifier = manifest('packages/verifier/package.json');
    const versions = [dependencies, devDependencies, optionalDependencies, verifier.dependencies, verifier.devDependencies].flatMap((one) =>
      Object.values(one ?? {}),
    );
    expect(versions.filter((version) => !/^(npm:\w+@)?\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version))).toEqual([]);
    expect(Object.keys(dependencies ?? {}).length).toBeLessThanOrEqual(30);
  });

  it('has no broken links in its documents', () => {
    const documents = ['', 'docs', 'docs/decisions', 'docs/recipes', 'packages/verifier'].flatMap((folder) =>
      readdirSync(join(root, folder)).flatMap((name) => (name.endsWith('.md') ? [join(folder, name)] : [])),
    );
    const links = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) => [file, join(dirname(file), target)]),
    );
    const there = (target: string) => readdirSync(join(root, dirname(target))).includes(target.split('/').at(-1) ?? '');
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter(([, target = '']) => !there(target))).toEqual([]);
  });
});
