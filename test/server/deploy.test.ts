import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { runCommand } from '../cli/process.ts';

const read = (file: string) => readFileSync(file, 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version?: string; dev?: true; link?: true }> };

const settings = [...read('src/config.ts').matchAll(/^ {2}(?<name>[A-Z_]+): /gm)].map(({ groups }) => groups?.name);
const required = [...read('docs/settings.md').matchAll(/^\| `(?<name>[A-Z_]+)` .*\*\*required\*\*/gm)].map(({ groups }) => groups?.name);

const compose = parse(read('compose.yaml')) as { services: { fieldgate: { environment: Record<string, string> } } };
const manifests = parseAllDocuments(read('deploy/kubernetes.yaml')).map((document) => document.toJS()) as {
  kind: string;
  stringData?: Record<string, string>;
  data?: Record<string, string>;
}[];

/** The settings that each way to start the server contains; NODE_ENV and HOST are in the image. */
const given = {
  'compose.yaml': Object.keys(compose.services.fieldgate.environment),
  'deploy/kubernetes.yaml': manifests.flatMap(({ stringData, data }) => Object.keys({ ...stringData, ...data })),
};

describe('a deployment', () => {
  it('starts the server as npm start does, but without npm in between, which does not forward every signal', () => {
    expect(read('Dockerfile')).toContain(`\nCMD ${JSON.stringify(scripts.start.split(' ')).replaceAll('","', '", "')}\n`);
    expect(read('deploy/fieldgate.service')).toContain(`/node_modules/.bin/${scripts.start}\n`);
  });

  it.each(Object.entries(given))('with %s has every required setting, and none that does not exist', (_, names) => {
    expect(required).toContain('DATABASE_URL');
    expect(required.filter((name) => !names.includes(name ?? ''))).toEqual([]);
    expect(names.filter((name) => !settings.includes(name))).toEqual([]);
  });

  it('has a bill of materials with every production package, and no other', async () => {
    const { code, out } = await runCommand(['scripts/sbom.ts'], {});
    const { components } = JSON.parse(out) as { components: { group?: string; name: string; version: string }[] };
    const listed = new Set(components.map(({ group, name, version }) => `${group ? `${group}/` : ''}${name}@${version}`));
    const installed = Object.entries(packages).filter(([path, { dev, link }]) => path.includes('node_modules/') && !dev && !link);
    expect(code).toBe(0);
    expect([...listed].sort()).toEqual(
      [...new Set(installed.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`))].sort(),
    );
  }, 60_000);

  it('has only packages with an accepted license', async () => {
    expect(await runCommand(['scripts/licenses.ts'], {})).toMatchObject({ code: 0, err: '' });
  });
});
