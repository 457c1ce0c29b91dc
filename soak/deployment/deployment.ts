import { freePort } from '../../bench/free-port.ts';
import { loadConfiguredKeys } from '../../src/identity/keys/configured-keys.ts';
import { formatCursor } from '../../src/identity/tokens/revocation-cursor.ts';
import { startPgBouncer } from '../../test/server/pgbouncer.ts';
import { startHaproxy } from '../../test/transport/proxy-servers.ts';
import { deliveryViolations, readLog } from '../expected-state.ts';
import { createAccounts, createApiToken } from '../fixtures.ts';
import { type Follower, follow } from '../follower.ts';
import type { Installation, Place } from '../history/installation.ts';
import { clusterSettings, type Node, openNode } from '../node.ts';
import { overEventStream, overWebSocket } from '../stream-client.ts';
import { logViolations } from './log-violations.ts';
import { openMailServer } from './mail-server.ts';
import { mailViolations } from './mail-violations.ts';
import { createScrapes } from './scrapes.ts';

/**
 * Three servers in production mode behind HAProxy, which writes addresses with ports, and PgBouncer in transaction mode, with a mail server that
 * fails at random. Two clients follow all revocations through the proxy.
 */
export async function openDeployment({ postgres, pool, folder, ended }: Place): Promise<Installation> {
  const [pooler, mailServer] = [await startPgBouncer(postgres.url, 'transaction', 30), await openMailServer()];
  const environment = {
    ...(await clusterSettings(pooler.url)),
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://fieldgate.soak',
    DATABASE_POOLER: 'transaction',
    DATABASE_DIRECT_URL: postgres.url,
    SMTP_URL: mailServer.url,
    MAIL_FROM: 'no-reply@fieldgate.soak',
    LOG_LEVEL: 'info',
  };
  const keys = await loadConfiguredKeys({ ...environment, DATA_DIR: folder });
  const names = ['one', 'two', 'three'];
  const ports = await Promise.all(names.map(freePort));
  const nodes = await Promise.all(
    names.map((name, index) => openNode(`node ${name}`, { ...environment, METRICS_PORT: String(ports[index]) }, folder, ended)),
  );
  const scrapes = createScrapes(nodes, ports);
  const proxy = await startHaproxy([
    'balance roundrobin',
    'option redispatch',
    'option httpchk GET /health/ready',
    'default-server check inter 200ms fall 1 rise 1',
    // Each request claims another address, so that they share no limits.
    'http-request set-header X-Forwarded-For "%[req.hdr(x-forwarded-for)]:%[src_port]"',
    ...nodes.map(({ url }, index) => `server node${index} ${new URL(url).host}`),
  ]);
  const entrance: Node = { ...stub, url: proxy.url };
  const followers: Follower[] = [];

  async function begin() {
    await pool.query(`insert into "Role" (name, permissions) values ('FOLLOWER', '{tokens:follow}')`);
    const [account] = await createAccounts(pool, ['FOLLOWER']);
    const token = await createApiToken(entrance, account as NonNullable<typeof account>, ['tokens:follow']);
    const beginning = formatCursor(keys, { position: 0n, seq: 2n ** 63n - 1n }); // before the first commit
    followers.push(
      follow('WebSocket follower', overWebSocket, [entrance], token, beginning),
      follow('SSE follower', overEventStream, [entrance], token, beginning),
    );
  }

  async function violations(): Promise<string[]> {
    const log = await readLog(pool, keys);
    const missed = await Promise.all(followers.map((follower) => deliveryViolations(follower, log, { keys, known: 0 })));
    for (const { name, received, resumed } of followers) console.log(`${name}: ${received.length} entries, ${resumed} connections`);
    return [
      ...missed.flat(),
      ...followers.flatMap(({ name, errors }) => errors.filter(isUnexpected).map((text) => `${name} received ${text}`)),
      ...(await mailViolations(pool, mailServer)),
      ...(await scrapes.violations(mailServer)),
      ...logViolations(folder, mailServer),
    ];
  }

  return {
    nodes,
    entrances: [entrance],
    emailsTo: async (email) => mailServer.accepted.filter(({ to }) => to.includes(email)).map(({ text }) => text),
    begin,
    disturb: async (until) => void (await Promise.all([mailServer.fail(until - 10_000), scrapes.read(until)])),
    violations,
    async close() {
      await Promise.all(followers.map(({ leave }) => leave()));
      await proxy.stop();
      await pooler.stop();
      await mailServer.close();
    },
  };
}

/** UNAVAILABLE is expected while the database is down, and these responses of the proxy while a server is. */
const isUnexpected = (text: string) => !/UNAVAILABLE|<h1>50[234] /.test(text);

/** The proxy as what followers connect to: it is always there. */
const stub = { name: 'proxy', isRunning: true, since: 0, kill() {}, async pause() {}, async start() {}, stop() {} };
