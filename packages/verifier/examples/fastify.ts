import { createVerifier } from '@fieldgate/verifier';
import { fastify } from 'fastify';

// FIELDGATE_URL=https://id.example.com FIELDGATE_TOKEN=fg_... node fastify.ts
const { FIELDGATE_URL: url = 'http://localhost:4000', FIELDGATE_TOKEN: token = '', PORT = '3000' } = process.env;
const app = fastify({ logger: { level: 'warn' } });
const verifier = await createVerifier({ url, token, log: app.log });

app.decorateRequest('user', '');

app.addHook('onRequest', async (request, reply) => {
  const [, jwt = ''] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const claims = await verifier
    .verify(jwt, { maxStaleness: '2s', onStale: 'introspect' })
    .catch(({ code, message }: { code: string; message: string }) => {
      request.log.info(message);
      return isUnavailable(code) ? 'unavailable' : undefined;
    });
  if (claims === 'unavailable') return reply.code(503).header('retry-after', '1').send({ error: 'Try again.' });
  if (!claims)
    return reply.code(401).header('www-authenticate', 'Bearer error="invalid_token"').send({ error: 'Authentication required.' });
  request.user = claims.sub;
});

/** While the identity server is unreachable, clients retry with the same token instead of logging in again. */
const isUnavailable = (code: string) => code === 'ERR_STALE' || code === 'ERR_INTROSPECTION_FAILED';

app.get('/me', (request) => ({ user: request.user }));

app.addHook('onClose', verifier.close);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close());
console.log(`listens at ${await app.listen({ port: Number(PORT), host: '127.0.0.1' })}`);

declare module 'fastify' {
  interface FastifyRequest {
    user: string;
  }
}
