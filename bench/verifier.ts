import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { importJWK, SignJWT } from 'jose';
import { ask, startChild, stopChild } from './children.ts';
import { median } from './measured.ts';
import { mark, printTable } from './report.ts';
import { superadminOf, users } from './temp-database.ts';
import type { Task, Verified } from './verifying.ts';
import { logIn, send, type World } from './world.ts';

const index = 90; // of a superadmin that no other workload uses
const rounds = 5;
const tokens = 4_000; // a round

/** Compares the verifier of resource servers with the cost of the signature alone, and prints the result. */
export async function printVerifier(world: World) {
  const child = startChild('measured', join(import.meta.dirname, 'verifying.ts'), {});
  const perform = <Answer>(task: Task) => ask<Answer & object>(child, task);
  const url = new URL(world.server.url).origin;
  const issuer = String(world.environment.PUBLIC_URL);
  const { calls: atStart } = await perform<{ calls: number }>({ do: 'open', url, issuer, token: await makeToken(world.server.url) });
  const sign = await signer(world, issuer);
  const results: Verified[] = [];
  for (let round = 0; round <= rounds; round += 1)
    results.push(await perform<Verified>({ do: 'verify', tokens: await Promise.all(Array.from({ length: tokens }, sign)) }));
  await stopChild(child);
  print(results.slice(1), atStart); // the first warms up
}

function print(results: readonly Verified[], atStart: number) {
  const of = (name: keyof Verified) => median(results.map((result) => result[name]));
  const calls = results.reduce((sum, result) => sum + result.calls, 0);
  const ratio = median(results.map(({ unknown, limit }) => unknown / limit));
  console.log('');
  printTable(
    [
      ['of a token that is known', of('known').toFixed(0), '≥ 100000', mark(of('known') >= 100_000)],
      ['of a token never seen before', of('unknown').toFixed(0), '', ''],
      ['the signature alone, by node:crypto', of('limit').toFixed(0), '', ''],
      ['never seen before, to the signature alone', ratio.toFixed(2), '≥ 0.65', mark(ratio >= 0.65)],
      [`network calls meanwhile (at the start ${atStart})`, String(calls), '0', mark(calls === 0 && atStart > 0)],
    ],
    ['offline verifications a second and core', '', 'target', ''],
  );
}

/** An API token with `tokens:follow`. */
async function makeToken(url: string): Promise<string> {
  const permissions = ['tokens:follow'];
  const { authorization } = await logIn(url, superadminOf(index), users + index);
  const by = { authorization };
  const { viewer } = await send<{ viewer: { user: { id: string } } }>(url, '{ viewer { user { id } } }', {}, by);
  const [name, userId] = ['RESOURCE_SERVER', viewer.user.id];
  const create = 'mutation ($input: CreateRoleInput!) { createRole(input: $input) { role { id } } }';
  await send(url, create, { input: { name, description: 'Follows what ends.', permissions } }, by);
  await send(url, 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }', { input: { userId, role: name } }, by);
  const make = 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }';
  const input = { description: 'bench', scopes: permissions };
  return (await send<{ createApiToken: { secret: string } }>(url, make, { input }, by)).createApiToken.secret;
}

/** Signs access tokens of different sessions with the server's key. */
async function signer({ environment }: World, issuer: string) {
  const [jwk] = JSON.parse(String(environment.JWT_KEYS));
  const key = await importJWK(jwk, 'EdDSA');
  return () =>
    new SignJWT({ sid: randomUUID(), auth_time: 1 })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid })
      .setIssuer(issuer)
      .setAudience('fieldgate')
      .setSubject(randomUUID())
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime('15m')
      .sign(key);
}
