import { registerHooks } from 'node:module';

// Preloaded into a server: the access plugin registers and prints every rule as usual, but its guards are those of open-guards.ts.

const guards = new URL('../src/authorization/enforce/guards.ts', import.meta.url).href;
const openGuards = new URL('./open-guards.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    return resolved.url === guards ? { ...resolved, url: openGuards } : resolved;
  },
});
