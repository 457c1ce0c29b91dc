import { createServer } from 'node:net';
import { createLogger } from '../../../src/logger.ts';
import { startServer } from '../../../src/server/start.ts';
import { startTestServer } from '../../../test/test-server.ts';

const make = `mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }`;

/** A real server at an address that survives restarts, and an API token that may follow its revocations. */
export async function startRealServer() {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await startTestServer({ PORT: String(port), PUBLIC_URL: url });
  const permissions = ['tokens:follow', 'tokens:introspect'];
  await server.db.prisma.role.create({ data: { name: 'RESOURCE_SERVER', description: 'Follows revocations.', permissions } });
  const follower = await server.user('RESOURCE_SERVER');
  const { data } = await follower.query(make, { input: { description: 'verifier', scopes: permissions } });
  const { secret, token } = data.createApiToken;
  /** Starts another node on the same database. */
  const startNode = (at = 0) => startServer({ ...server.config, PORT: at }, createLogger('silent'), server.db);
  return { server, url, port, token: secret as string, tokenId: token.id as string, follower, startNode };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
