import { availableParallelism } from 'node:os';
import argon2 from 'argon2';
import { serve } from './children.ts';
import { type Measured, summary } from './measured.ts';
import { password } from './temp-database.ts';

// Baseline of login: only the hash, one at a time for each core of the process, as in the server.

const hash = await argon2.hash(password, { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 });

serve(async ({ milliseconds }: { milliseconds: number }): Promise<Measured> => {
  const begun = performance.now();
  const times: number[] = [];
  const verify = async () => {
    while (performance.now() - begun < milliseconds) {
      const at = performance.now();
      if (!(await argon2.verify(hash, password))) throw new Error('The password is not right');
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, verify));
  return summary(times, performance.now() - begun);
});
