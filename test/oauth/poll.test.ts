import { createRemoteJWKSet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { startTestServer } from '../test-server.ts';
import { apiToken, createTokenFor } from './endpoint-client.ts';
import { createReceiver, recordRevocations, sendPoll } from './event-receiver.ts';

const server = await startTestServer();
const { prisma } = server.db;
const caep = 'https://schemas.openid.net/secevent/caep/event-type/';

describe('POST /events/poll', () => {
  it('returns a revocation as a signed event that identifies the user and the session', async () => {
    const [program, alice] = [await createReceiver(server), await server.user()];
    const sid = Buffer.from(alice.tokenId, 'base64').toString().replace('Token:', '');
    await alice.query('mutation { logout { ended } }');
    const { status, headers, sets, ids, more } = await program.now();
    const row = await prisma.tokenRevocation.findFirstOrThrow({ where: { tokenId: sid } });
    expect([status, headers.get('content-type'), headers.get('cache-control'), ids, more]).toEqual([
      200,
      'application/json; charset=utf-8',
      'no-store',
      [row.id],
      false,
    ]);
    const keys = createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(sets[row.id] ?? '', keys, { typ: 'secevent+jwt' });
    const at = Math.floor(row.revokedAt.getTime() / 1_000);
    const iss = server.config.PUBLIC_URL;
    expect(payload).toEqual({
      iss,
      aud: server.config.AUDIENCE,
      iat: at,
      jti: row.id,
      sub_id: { format: 'complex', user: { format: 'iss_sub', iss, sub: alice.uuid }, session: { format: 'opaque', id: sid } },
      events: { [`${caep}session-revoked`]: { event_timestamp: at, initiating_entity: 'user', reason_admin: { en: 'LOGOUT' } } },
    });
  });

  it('returns for each event type the claims that its profile requires', async () => {
    const program = await createReceiver(server);
    await recordRevocations(server, 1, { reason: 'REAUTHENTICATED' });
    await recordRevocations(server, 1, { reason: 'ACCESS_LOST' });
    await recordRevocations(server, 1, { reason: 'REAUTHENTICATED', kind: 'API' });
    const { events } = await program.now();
    expect(events.map((one) => Object.entries(one.events)[0])).toMatchObject([
      [`${caep}credential-change`, { credential_type: 'session', change_type: 'revoke' }],
      [`${caep}token-claims-change`, { claims: { sid: null } }],
      [`${caep}credential-change`, { credential_type: 'api-token', change_type: 'revoke' }],
    ]);
  });

  it('returns an event unchanged until it is acknowledged', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 3);
    const first = await program.now();
    expect(first.ids).toEqual(ids);
    expect((await program.now()).sets).toEqual(first.sets);
    expect((await program.now({ ack: ids.slice(0, 2) })).ids).toEqual(ids.slice(2));
    expect((await program.now({ ack: ids })).ids).toEqual([]);
  });

  it('accepts acknowledgements in any order, repeated, and of unknown events', async () => {
    const program = await createReceiver(server);
    const [a = '', b = '', c = '', d = ''] = await recordRevocations(server, 4);
    expect((await program.now({ ack: [c] })).ids).toEqual([a, b, d]);
    expect((await program.now({ ack: [c, 'nothing', crypto.randomUUID(), '', 'stream-updated.x'] })).ids).toEqual([a, b, d]);
    expect((await program.now({ ack: [a] })).ids).toEqual([b, d]);
    expect((await program.now({ ack: [d, b] })).ids).toEqual([]);
    const [e = ''] = await recordRevocations(server, 1);
    expect((await program.now({ ack: [a, d] })).ids).toEqual([e]);
  });

  it('accepts concurrent acknowledgements', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 20);
    await Promise.all(ids.map((id) => program.now({ maxEvents: 0, ack: [id] })));
    expect((await program.now()).ids).toEqual([]);
  });

  it('keeps acknowledgements after a restart of the server', async () => {
    const program = await createReceiver(server);
    const [a = '', b = '', c = ''] = await recordRevocations(server, 3);
    await program.now({ ack: [b] });
    const again = await startServer(server.config, createLogger('silent'), server.db);
    const { ids } = await program.poll({ returnImmediately: true }, again);
    await again.stop();
    expect(ids).toEqual([a, c]);
  });

  it('returns at most maxEvents events and whether there are more', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 3);
    const some = await program.now({ maxEvents: 2 });
    expect([some.ids, some.more]).toEqual([ids.slice(0, 2), true]);
    const rest = await program.now({ maxEvents: 2, ack: some.ids });
    expect([rest.ids, rest.more]).toEqual([ids.slice(2), false]);
  });

  it('only acknowledges, without waiting, when maxEvents is 0', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 2);
    expect((await program.poll({ maxEvents: 0, ack: ids.slice(0, 1) })).ids).toEqual([]);
    expect((await program.now()).ids).toEqual(ids.slice(1));
  });

  it('treats an event reported in setErrs as acknowledged and logs the error', async () => {
    const program = await createReceiver(server);
    const [a = '', b = ''] = await recordRevocations(server, 2);
    expect((await program.now({ setErrs: { [a]: { err: 'invalid_key', description: 'hunter2' } } })).ids).toEqual([b]);
    const logLines = server.log.filter((line) => line.includes('set_not_accepted') && line.includes(program.id));
    expect([logLines.length, logLines[0]?.includes('invalid_key'), logLines[0]?.includes('hunter2')]).toEqual([1, true, false]);
  });

  it('tracks each receiver separately', async () => {
    const [one, other] = [await createReceiver(server), await createReceiver(server)];
    const ids = await recordRevocations(server, 2);
    await one.now({ ack: ids });
    expect([(await one.now()).ids, (await other.now()).ids]).toEqual([[], ids]);
  });

  it('holds at most 1,000 events behind the oldest unacknowledged one and then continues', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 1_005);
    const [oldest = ''] = ids;
    const first = await program.now({ maxEvents: 10_000 });
    expect([first.ids, first.more]).toEqual([ids.slice(0, 500), true]);
    const second = await program.now({ maxEvents: 500, ack: first.ids.slice(1) });
    expect(second.ids).toEqual([oldest, ...ids.slice(500, 999)]);
    const third = await program.now({ ack: second.ids.slice(1) });
    expect(third.ids).toEqual([oldest, ids[999]]);
    expect((await program.now({ ack: [ids[999] ?? ''] })).ids).toEqual([oldest]);
    expect((await program.now({ ack: [oldest] })).ids).toEqual(ids.slice(1_000));
  }, 60_000);

  it('requires an API token with the scope whose owner has a role with the permission', async () => {
    const program = await createReceiver(server);
    const others = [
      (await createTokenFor(server, program.owner.uuid, ['tokens:read'])).secret,
      (await apiToken(server, ['tokens:follow'], [])).secret,
      program.owner.accessToken,
    ];
    for (const token of others)
      expect(await sendPoll(server, token, '{}')).toMatchObject({ status: 403, json: { error: 'insufficient_scope' } });
    expect(await sendPoll(server, undefined, '{}')).toMatchObject({ status: 401, json: { error: 'invalid_client' } });
  });

  it('requires a valid JSON body and ignores unknown members', async () => {
    const { secret } = await createReceiver(server);
    const send = (body: string) => sendPoll(server, secret, body);
    expect((await send('{"returnImmediately":true,"more":1}')).status).toBe(200);
    const bad = [
      '',
      '[]',
      'null',
      '{"maxEvents":-1}',
      '{"maxEvents":1.5}',
      '{"maxEvents":"1"}',
      '{"returnImmediately":"true"}',
      '{"ack":"x"}',
      '{"ack":[1]}',
      '{"setErrs":{"x":"y"}}',
      '{"returnImmediately":true,"returnImmediately":true}',
      JSON.stringify({ ack: Array(1_001).fill('x') }),
    ];
    for (const body of bad) expect(await send(body), body).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
  });
});

describe('a security event token', () => {
  it('is rejected as an access token', async () => {
    const program = await createReceiver(server);
    const [id = ''] = await recordRevocations(server, 1);
    const { sets } = await program.now();
    expect((await server.query('{ me { id } }', {}, { token: sets[id] })).code).toBe('INVALID_TOKEN');
  });
});
