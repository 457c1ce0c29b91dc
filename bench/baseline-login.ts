import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { serve } from './children.ts';
import { type Measured, summary } from './measured.ts';
import { password } from './temp-database.ts';

// Baseline of login: only the hash, by the fastest library, one at a time for each core of the process, as in the server.

const phc = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 }); // argon2id

serve(async ({ milliseconds }: { milliseconds: number }): Promise<Measured> => {
  const begun = performance.now();
  const times: number[] = [];
  const verifyRepeatedly = async () => {
    while (performance.now() - begun < milliseconds) {
      const at = performance.now();
      if (!(await verify(phc, password))) throw new Error('The password is not right');
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, verifyRepeatedly));
  return summary(times, performance.now() - begun);
});
