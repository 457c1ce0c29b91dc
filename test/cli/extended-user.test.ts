import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apply, blocksOf, type Copy, copyRepository } from './worked-example.ts';

const timeout = 600_000; // it generates, compiles and tests what a newcomer would

let copy: Copy;
beforeAll(async () => {
  copy = await copyRepository();
  for (const block of await blocksOf('Extend the user with what your product needs')) await apply(copy, block);
}, timeout);
afterAll(() => copy.remove());

describe('the user extension in CONTRIBUTING', { timeout }, () => {
  it('compiles, passes the linter and passes its test', async () => {
    const { code, said } = await copy.run(
      'biome check --error-on-warnings src/user src/auth src/hooks.ts test/user/employee-id.test.ts && tsc --noEmit && vitest run test/user/employee-id.test.ts test/schema',
      { TEST_DATABASE_URL: process.env.TEST_DATABASE_URL ?? '' },
    );
    expect(code, said).toBe(0);
  });
});
