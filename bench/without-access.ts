import { registerHooks } from 'node:module';

// Preloaded into a server: the access plugin says and prints every rule as ever, and hands none of them to scope-auth.

const plugin = new URL('../src/authorization/enforce/access-plugin.ts', import.meta.url).href;

const guards = [
  ['(config.pothosOptions as { authScopes?: unknown }).authScopes =', '(config as { unguarded?: unknown }).unguarded ='], // of types
  ['Object.assign(config.pothosOptions, { authScopes });', '{}'], // of fields
  ['override wrapResolve(', 'leftOut('], // what goes past those of fields, and what asks ahead for the rows of a list
  ['override wrapIsTypeOf(', 'leftOutToo('], // what goes past those of types
] as const;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    return url === plugin ? { ...loaded, source: opened(Buffer.from(loaded.source as Uint8Array).toString()) } : loaded;
  },
});

/** The plugin's source without its guards. Throws when it guards in another way, which nothing would be left out of unnoticed. */
function opened(source: string): string {
  const left = guards.reduce((text, [guard, without]) => {
    if (text.split(guard).length !== 2)
      throw new Error(
        `src/authorization/enforce/access-plugin.ts does not say exactly once what bench/without-access.ts leaves out: ${guard}`,
      );
    return text.replace(guard, without);
  }, source);
  const isGuard = (line: string) => (line.includes('pothosOptions') && line.includes('authScopes')) || line.includes('override wrap');
  const guard = left.split('\n').find(isGuard);
  if (guard)
    throw new Error(
      `src/authorization/enforce/access-plugin.ts has a guard that bench/without-access.ts does not leave out: ${guard.trim()}`,
    );
  return left;
}
