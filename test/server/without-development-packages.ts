import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Loaded with --import: imports of packages that `npm ci --omit=dev` does not install fail.

const root = join(import.meta.dirname, '../..');
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, { dev?: true }> };

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const name =
      resolved.url.startsWith('file:') && /node_modules\/(?:.*node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(fileURLToPath(resolved.url))?.[0];
    if (name && packages[name]?.dev) throw new Error(`${specifier} is a development dependency, imported by ${context.parentURL}`);
    return resolved;
  },
});
