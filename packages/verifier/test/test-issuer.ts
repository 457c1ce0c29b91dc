import { createHash, KeyObject, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { WebSocketServer } from 'ws';

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Sends to one stream over either transport. */
interface Listener {
  next(result: object): void;
  beat(payload: object): void;
  /** Reports that the token was revoked and closes. */
  refuse(): void;
  /** Terminates the connection. */
  cut(): void;
}

export const apiToken = 'fg_test_of_a_verifier';
export const now = () => Math.floor(Date.now() / 1000);

/** A server that implements docs/revocations.md and can be made to misbehave. */
export async function openIssuer() {
  const keys = new Map([['first', await generateKeyPair('EdDSA')]]);
  const log: { sid: string; at: number }[] = [];
  const listeners = new Set<Listener>();
  const requests: string[] = [];
  const resumed: string[] = [];
  const faults: Record<string, Handler> = {};
  const beat = { age: 0, keys: undefined as string | undefined, isSilent: false };
  const result = (index: number) => ({ data: { tokenRevoked: { cursor: `c${index + 1}`, sid: log[index]?.sid } } });
  const beatOf = () => ({ cursor: `c${log.length}`, age: beat.age, keys: beat.keys ?? nameOfKeys() });
  const nameOfKeys = () =>
    createHash('sha256')
      .update(JSON.stringify([...keys].map(([kid, { publicKey }]) => [kid, KeyObject.from(publicKey).export({ format: 'jwk' }).x]).sort()))
      .digest('base64url')
      .slice(0, 12);

  const handlers: Record<string, Handler> = {
    '/.well-known/jwks.json': async (_, response) => {
      const open = [...keys].map(async ([kid, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid, alg: 'EdDSA', use: 'sig' }));
      send(response, 200, { keys: await Promise.all(open) });
    },
    '/revocations/snapshot': async (_, response) => {
      response.setHeader('content-type', 'application/jwt').end(await snapshot());
    },
    '/graphql': async (request, response) => {
      const { variables, extensions } = JSON.parse(await text(request));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n');
      const next = (result: object) => response.write(`event: next\ndata: ${JSON.stringify(result)}\n\n`);
      const comment = (payload: object) => response.write(`: ${JSON.stringify(payload)}\n\n`);
      const refuse = () => {
        next({ errors: [{ extensions: { code: 'TOKEN_REVOKED' } }] });
        response.end('event: complete\ndata:\n\n');
      };
      const listener = { next, refuse, beat: comment, cut: () => response.destroy() };
      response.once('close', follow(listener, variables.after, extensions.heartbeat));
    },
    '/oauth/introspect': async (request, response) => {
      const token = new URLSearchParams(await text(request)).get('token') ?? '';
      const { sid, sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
      send(response, 200, log.some((ended) => ended.sid === sid) ? { active: false } : { active: true, sid, sub });
    },
  };

  function follow(listener: Listener, after: string, every: number): () => void {
    listeners.add(listener);
    resumed.push(after);
    for (let index = Number(after.slice(1)); index < log.length; index += 1) listener.next(result(index));
    const tick = () => beat.isSilent || listener.beat(beatOf());
    tick();
    const timer = setInterval(tick, every);
    return () => {
      clearInterval(timer);
      listeners.delete(listener);
    };
  }

  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    const isOpen = path === '/.well-known/jwks.json';
    if (!isOpen && request.headers.authorization !== `Bearer ${apiToken}`) return send(response, 401, {});
    await (faults[path] ?? handlers[path])?.(request, response);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    requests.push('socket');
    const send = (message: object) => socket.send(JSON.stringify(message));
    const cut = () => socket.terminate();
    let every = 0;
    socket.on('message', (message) => {
      const { type, payload } = JSON.parse(String(message));
      if (type === 'connection_init') {
        if (payload.authorization !== `Bearer ${apiToken}`) return socket.close(4403, 'Forbidden');
        every = payload.heartbeat;
        send({ type: 'connection_ack' });
      }
      const next = (one: object) => send({ id: '1', type: 'next', payload: one });
      const refuse = () => socket.close(4403, 'The session has ended');
      const listener = { next, refuse, beat: (one: object) => send({ type: 'ping', payload: one }), cut };
      if (type === 'subscribe') socket.once('close', follow(listener, payload.variables.after, every));
    });
  });

  const listen = (port = 0) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = async () => {
    for (const { cut } of listeners) cut();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await listen();
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  /** Signs any claims with one of the keys. */
  async function sign(claims: JWTPayload, header: Record<string, unknown> = {}, kid = 'first') {
    const key = keys.get(kid)?.privateKey;
    if (!key) throw new Error(`no key ${kid}`);
    const common = { iss: url, aud: 'fieldgate', iat: now(), exp: now() + 300 };
    return new SignJWT({ ...common, ...claims }).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid, ...header }).sign(key);
  }

  /** A valid access token with these changes. */
  const token = (claims: JWTPayload = {}, header: Record<string, unknown> = {}, kid = 'first') =>
    sign({ sub: randomUUID(), sid: randomUUID(), jti: randomUUID(), ...claims }, header, kid);

  const snapshot = (claims: JWTPayload = {}, header: Record<string, unknown> = {}) => {
    const revoked = log.filter(({ at }) => at > now() - 960).map(({ sid, at }) => [sid, at]);
    return sign({ exp: now() + 60, cursor: `c${log.length}`, lifetime: 960, revoked, ...claims }, { typ: 'revocations+jwt', ...header });
  };

  /** Revokes a session and returns its id. */
  function revoke(sid: string = randomUUID(), at = now()) {
    log.push({ sid, at });
    for (const { next } of listeners) next(result(log.length - 1));
    return sid;
  }

  const addKey = async (kid: string) => keys.set(kid, await generateKeyPair('EdDSA'));
  return {
    url,
    keys,
    nameOfKeys,
    addKey,
    log,
    listeners,
    requests,
    resumed,
    faults,
    beat,
    token,
    snapshot,
    revoke,
    close,
    listen: () => listen(port),
  };
}

export type Issuer = Awaited<ReturnType<typeof openIssuer>>;

export function send(response: ServerResponse, status: number, body: object) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
