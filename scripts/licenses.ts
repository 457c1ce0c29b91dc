import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// npm run licenses: lists the license of every production package, as npm has recorded it in package-lock.json, and fails on one that is unknown or
// requires that the source of what uses it is published.

const accepted = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT', 'MIT-0', 'Unlicense'];

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
}

const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
const production = Object.entries(lock.packages).filter(([, { dev, link }]) => !dev && !link);
for (const [path, { version, license = 'unknown' }] of production) {
  console.log(`${license}  ${path.replace(/^.*node_modules\//, '') || 'fieldgate'}@${version}`);
  if (accepted.includes(license)) continue;
  console.error(`${path} has a license that is not accepted: ${license}`);
  process.exitCode = 1;
}
