import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashPassword } from '../../src/identity/credentials/password-hash.ts';
import { openPool, waitUntilIdle } from '../expected-state.ts';
import { injectFault, randomFault } from '../faults.ts';
import { createAccounts } from '../fixtures.ts';
import { openPostgres } from '../postgres.ts';
import { sendOperation } from '../send-operation.ts';
import { actions } from './actions.ts';
import { anyOf, insertAccount, passwordText, type World } from './actor.ts';
import { finalViolations } from './final-state.ts';
import { createHistory } from './history.ts';
import { type Installation, openTwoNodes, type Place } from './installation.ts';
import { inviteAndRevoke } from './invitations.ts';

const accounts = 6;
const workers = 10;
const adminPassword = 'horses of the correct battery'; // of the accounts of fixtures.ts

/**
 * Runs random requests on an installation, by default two servers and one PostgreSQL, while servers and PostgreSQL are killed and paused, records what was acknowledged when, and
 * reports everything that was accepted after the acknowledgement of what had ended it. Returns the number of violations.
 */
export async function runHistory(minutes: number, open: (place: Place) => Promise<Installation> = openTwoNodes): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldgate-history-'));
  const postgres = await openPostgres(folder);
  const history = createHistory();
  const faults: string[] = [];
  const ended = (name: string) => void history.violations.push(`${name} exited by itself`);
  const pool = openPool(postgres.url);
  const installation = await open({ postgres, pool, folder, ended });
  const { nodes, entrances, emailsTo } = installation;
  try {
    for (const node of nodes) await node.start();
    await installation.begin?.();
    const { rows: domains } = await pool.query<{ id: string; name: string }>(
      `insert into "Domain" (name, "displayName") values ('one', 'One'), ('two', 'Two') returning id, name`,
    );
    const hash = await hashPassword(passwordText(0));
    const [domain] = domains;
    const world: World = {
      pool,
      entrances,
      emailsTo,
      admins: await openAdmins(pool, entrances[0] as World['entrances'][number]),
      accounts: await Promise.all(Array.from({ length: accounts }, () => insertAccount(pool, hash, domain?.id ?? ''))),
      domains: domains.map((one) => ({ ...one, queue: Promise.resolve() })),
      history,
      until: performance.now() + minutes * 60_000,
    };
    await Promise.all([
      ...Array.from({ length: workers }, () => work(world)),
      invite(world),
      forgetRateLimits(world),
      disturb(world, () => injectFault(noteFault(), nodes, postgres)),
      installation.disturb?.(world.until),
    ]);
    function noteFault() {
      const fault = randomFault();
      faults.push(fault);
      return fault;
    }
    await waitUntilIdle(pool);
    history.violations.push(...(await finalViolations(pool)), ...((await installation.violations?.()) ?? []));
  } finally {
    for (const node of nodes) node.stop();
    await installation.close?.();
    await pool.end();
    await postgres.stop();
  }
  for (const [name, count] of [...history.counts].sort()) console.log(`${String(count).padStart(7)}  ${name}`);
  console.log(`${faults.length} faults: ${faults.join(', ')}`);
  for (const violation of history.violations.slice(0, 100)) console.error(violation);
  console.log(history.violations.length > 0 ? `${history.violations.length} violations; see the logs in ${folder}` : 'no violations');
  if (history.violations.length === 0) rmSync(folder, { recursive: true, force: true });
  return history.violations.length;
}

/** The access tokens of superadmins. Their writes are serialized, so there are several. */
async function openAdmins(pool: World['pool'], node: World['entrances'][number]): Promise<string[]> {
  const admins = await createAccounts(pool, Array(6).fill('SUPERADMIN'));
  const tokens: string[] = [];
  for (const { email } of admins) {
    const document = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
    const { data, code } = await sendOperation(node, document, { input: { email, password: adminPassword } });
    if (!data) throw new Error(`an administrator cannot log in: ${code}`);
    tokens.push(data.login.accessToken);
  }
  return tokens;
}

async function work(world: World): Promise<void> {
  while (performance.now() < world.until) {
    await anyOf(actions)(world, anyOf(world.accounts));
    await sleep(randomInt(20));
  }
}

async function invite(world: World): Promise<void> {
  while (performance.now() < world.until) await inviteAndRevoke(world);
}

/** The limits of logins and emails are not the subject. */
async function forgetRateLimits({ pool, until }: World): Promise<void> {
  for (; performance.now() < until; await sleep(500)) await pool.query('delete from "RateLimit"').catch(() => {});
}

async function disturb({ until }: World, inject: () => Promise<void>): Promise<void> {
  for (await sleep(3_000); performance.now() < until - 8_000; await sleep(randomInt(1_000, 4_000))) await inject();
}
