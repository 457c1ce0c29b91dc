import type { AddressInfo } from 'node:net';
import { createVerifier } from '@fieldgate/verifier';
import express, { type RequestHandler } from 'express';

// FIELDGATE_URL=https://id.example.com FIELDGATE_TOKEN=fg_... node express.ts
const { FIELDGATE_URL: url = 'http://localhost:4000', FIELDGATE_TOKEN: token = '', PORT = '3000' } = process.env;
const verifier = await createVerifier({ url, token, log: console });
const app = express().disable('x-powered-by');

const requireUser: RequestHandler = async (request, response, next) => {
  const [, jwt = ''] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  try {
    const claims = await verifier.verify(jwt, { maxStaleness: '2s', onStale: 'introspect' });
    response.locals.user = claims.sub;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    console.info(message);
    if (isUnavailable(code)) response.status(503).set('retry-after', '1').json({ error: 'Try again.' });
    else response.status(401).set('www-authenticate', 'Bearer error="invalid_token"').json({ error: 'Authentication required.' });
    return;
  }
  next();
};

/** While the identity server is unreachable, clients retry with the same token instead of logging in again. */
const isUnavailable = (code: string) => code === 'ERR_STALE' || code === 'ERR_INTROSPECTION_FAILED';

app.get('/me', requireUser, (_, response) => {
  response.json({ user: response.locals.user });
});

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`listens at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    server.close();
    void verifier.close();
  });
