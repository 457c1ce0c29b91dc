import { afterAll } from 'vitest';
import { createVerifier, type Options } from '../src/create-verifier.ts';
import { apiToken, type Issuer } from './test-issuer.ts';

/** Creates a verifier that is closed at the end of the test file. */
export async function openVerifier({ url }: Pick<Issuer, 'url'>, options: Partial<Options> = {}) {
  const verifier = await createVerifier({ url, token: apiToken, ...options });
  afterAll(verifier.close);
  return verifier;
}

/** The code of the error, or `accepted`. */
export const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'accepted',
    (error: { code?: string }) => error.code ?? String(error),
  );

/** Waits until the condition holds, at most 10 s. */
export async function until(condition: () => boolean | Promise<boolean>) {
  for (const end = Date.now() + 10_000; !(await condition()); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (Date.now() > end) throw new Error(`never held: ${condition}`);
}
