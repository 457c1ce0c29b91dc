import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Claims, createVerifier } from '@fieldgate/verifier';
import { GraphQLError } from 'graphql';
import { createSchema, createYoga } from 'graphql-yoga';

// FIELDGATE_URL=https://id.example.com FIELDGATE_TOKEN=fg_... node yoga-subgraph.ts
const { FIELDGATE_URL: url = 'http://localhost:4000', FIELDGATE_TOKEN: token = '', PORT = '3000' } = process.env;
const verifier = await createVerifier({ url, token, log: console });

const sdl = 'type Query { me: User! } type User { id: ID! }';
const typeDefs = `${sdl} extend type Query { _service: Service! } type Service { sdl: String! }`; // read by federation gateways

/** While the identity server is unreachable, clients retry with the same token instead of logging in again. */
const isUnavailable = (code: string) => code === 'ERR_STALE' || code === 'ERR_INTROSPECTION_FAILED';

const reject = ({ code, message }: { code: string; message: string }) => {
  console.info(message);
  if (isUnavailable(code))
    throw new GraphQLError('Try again.', { extensions: { code: 'UNAVAILABLE', http: { status: 503, headers: { 'retry-after': '1' } } } });
  const http = { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } };
  throw new GraphQLError('Authentication required.', { extensions: { code: 'UNAUTHENTICATED', http } });
};

interface Context {
  readonly viewer: () => Promise<Claims>;
}

const yoga = createYoga<object, Context>({
  cors: false,
  graphiql: false,
  schema: createSchema<Context>({
    typeDefs,
    resolvers: { Query: { me: async (_, __, { viewer }) => ({ id: (await viewer()).sub }), _service: () => ({ sdl }) } },
  }),
  context: ({ request }) => {
    const [, jwt = ''] = /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '') ?? [];
    return { viewer: () => verifier.verify(jwt, { maxStaleness: '2s', onStale: 'introspect' }).catch(reject) };
  },
});

const server = createServer(yoga).listen(Number(PORT), '127.0.0.1', () => {
  console.log(`listens at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void Promise.all([server.close(), verifier.close()]));
