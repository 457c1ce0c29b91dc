import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

// npm runs this after npm ci and npm install. JavaScript for any Node.js, because the installed one may not run TypeScript.

const modules = join(import.meta.dirname, '../node_modules');

// The headers of the node package are 68 of its 189 MB. Only programs that embed Node.js or compile add-ons against this copy use them.
const platforms = join(modules, 'node/node_modules');
for (const name of existsSync(platforms) ? readdirSync(platforms) : []) {
  rmSync(join(platforms, name, 'include'), { recursive: true, force: true });
}

// The typed documents of the tests. A production install has neither the generator nor a need for them.
if (existsSync(join(modules, '@graphql-codegen/cli')))
  process.exitCode = spawnSync('graphql-codegen', { stdio: 'inherit', shell: true }).status ?? 1;
