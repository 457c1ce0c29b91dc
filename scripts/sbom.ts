import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// npm run --silent sbom: prints the software bill of materials of a production install, in CycloneDX. `npm sbom --omit dev` in this folder would leave
// out production packages that a development package also requires, such as graphql-yoga. So it runs on a lock file without development packages.

type Manifest = Record<string, unknown> & { dev?: boolean };

const root = join(import.meta.dirname, '..');
const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'));
const lock = read('package-lock.json') as { packages: Record<string, Manifest> };
const production = Object.entries(lock.packages).filter(([path, { dev, link }]) => !dev && !link && !path.startsWith('packages/'));
const packages = Object.fromEntries(production.map(([path, manifest]) => [path, path === '' ? ofProduction(manifest) : manifest]));

const folder = mkdtempSync(join(tmpdir(), 'fieldgate-sbom-'));
try {
  writeFileSync(join(folder, 'package.json'), JSON.stringify(ofProduction(read('package.json'))));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ ...lock, packages }));
  const command = 'npm sbom --package-lock-only --sbom-format cyclonedx';
  process.exitCode = spawnSync(command, { cwd: folder, shell: true, stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}

function ofProduction({ devDependencies: _, workspaces: __, ...manifest }: Manifest): Manifest {
  return manifest;
}
