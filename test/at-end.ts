import { afterAll, onTestFinished, TestRunner } from 'vitest';

/** Runs `cleanUp` after the running test or, outside of one, after all tests of the file. `afterAll` within a test is never run. */
export function atEnd(cleanUp: () => Promise<unknown>): void {
  const run = async () => void (await cleanUp());
  if (TestRunner.getCurrentTest()) onTestFinished(run);
  else afterAll(run);
}
