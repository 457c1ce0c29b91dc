import { stopChild } from './children.ts';
import { median } from './measured.ts';
import { mark, printTable } from './report.ts';
import { emailOf, password } from './temp-database.ts';
import { addressFor, startServer, type World } from './world.ts';

const pairs = 250;
const warmUps = 30;
const most = { milliseconds: 5, share: 0.1, auc: 0.6 }; // security.md 3.2

/** An operation whose response time must not reveal whether an address has an account. */
const verbs: Record<string, (email: string) => { query: string; input: object }> = {
  login: (email) => ({
    query: 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }',
    input: { email, password: 'not the password at all' },
  }),
  register: (email) => ({
    query: 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }',
    input: { email, password },
  }),
  requestPasswordReset: (email) => ({
    query: 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }',
    input: { email },
  }),
  resendConfirmation: (email) => ({
    query: 'mutation ($input: ResendConfirmationInput!) { resendConfirmation(input: $input) { ok } }',
    input: { email },
  }),
};

/** Sends each operation with addresses with and without an account, alternating, and prints how well time separates them. */
export async function printEnumeration({ environment }: World) {
  const server = await startServer({ ...environment, PUBLIC_REGISTRATION: 'true', REQUIRE_EMAIL_CONFIRMATION: 'true' });
  const rows: string[][] = [];
  let asked = 0;
  const time = async (verb: string, email: string) => {
    asked += 1;
    const { query, input } = verbs[verb]?.(email) ?? {};
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': addressFor(1_000_000 + asked) };
    const begun = performance.now();
    const answer = await fetch(server.url, { method: 'POST', headers, body: JSON.stringify({ query, variables: { input } }) });
    const text = await answer.text();
    const took = performance.now() - begun;
    if (/RATE_LIMITED|UNAVAILABLE|INTERNAL|INVALID_INPUT/.test(text)) throw new Error(`${verb}: ${text}`);
    return took;
  };
  for (const verb of Object.keys(verbs)) {
    const known: number[] = [];
    const unknown: number[] = [];
    for (let pair = -warmUps; pair < pairs; pair += 1) {
      const ofOne = () => time(verb, emailOf(pair + warmUps + 1)).then((took) => pair >= 0 && known.push(took));
      const ofNone = () => time(verb, `${verb}-${pair + warmUps}@nowhere.example`).then((took) => pair >= 0 && unknown.push(took));
      for (const one of pair % 2 ? [ofOne, ofNone] : [ofNone, ofOne]) await one();
    }
    rows.push(rowOf(verb, known, unknown));
  }
  await stopChild(server.child);
  console.log('');
  printTable(rows, ['address known', 'p50 ms', 'unknown p50', 'difference', 'AUC', 'target', '']);
}

function rowOf(verb: string, known: readonly number[], unknown: readonly number[]): string[] {
  const [one, none, auc] = [median(known), median(unknown), aucOf(known, unknown)];
  const difference = Math.abs(one - none);
  const isMet = difference < Math.max(most.milliseconds, most.share * Math.max(one, none)) && auc <= most.auc;
  const target = `< ${most.milliseconds} ms or ${most.share * 100} %, ≤ ${most.auc.toFixed(2)}`;
  return [verb, one.toFixed(2), none.toFixed(2), `${difference.toFixed(2)} ms`, auc.toFixed(2), target, mark(isMet)];
}

/** Area under the ROC curve of a classifier on time alone: 0.5 is a guess, 1 is certainty. */
function aucOf(some: readonly number[], others: readonly number[]): number {
  const wins = some.reduce((sum, one) => sum + others.reduce((more, other) => more + (one > other ? 1 : one === other ? 0.5 : 0), 0), 0);
  const share = wins / (some.length * others.length);
  return Math.max(share, 1 - share);
}
