import { type ExecutionArgs, execute, NoSchemaIntrospectionCustomRule, parse } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import { authenticate } from './auth/authenticate.ts';
import { clientOf } from './client.ts';
import type { Client, Context, Ground } from './context.ts';
import { isSound } from './door.ts';
import { failure } from './errors.ts';
import { subscribeFresh } from './heard.ts';
import { checkLimits } from './limits.ts';
import { maskWith } from './mask.ts';
import { schema } from './schema.ts';

const mostDocument = { characters: 16 * 1024, tokens: 1_500 }; // security.md F21

/** What a transport says of the caller. */
export interface Caller {
  readonly client: Client;
  readonly authorization: string | null;
}

/** The one way of every operation, over any transport: who asks, limits, rules, masking. */
export function createPipeline(ground: Ground) {
  const { config, log } = ground;
  return createYoga<Partial<Caller>, Context>({
    schema,
    context: ({ request, client, authorization, ...rest }) => {
      const req = (rest as { req?: import('node:http').IncomingMessage }).req;
      if (client) return authenticate(ground, client, authorization ?? null);
      if (!req) throw failure('INTERNAL');
      return authenticate(ground, clientOf(req, config), request.headers.get('authorization'));
    },
    plugins: [limits, config.INTROSPECTION ? {} : closed],
    parserAndValidationCache: { documentCache: bounded(), errorCache: bounded() },
    maskedErrors: { maskError: maskWith(log), errorMessage: 'INTERNAL' },
    logging: false,
    cors: false, // the door's own: Yoga's reflects every origin (security.md, LAB 1)
    multipart: false,
    maxRequestBodySize: false, // the door counts while it reads, for a third of the cost
    landingPage: false,
    graphiql: config.production ? false : { title: 'Fieldgate', subscriptionsProtocol: 'WS' },
    healthCheckEndpoint: '/health/none',
  });
}

export type Pipeline = ReturnType<typeof createPipeline>;

/** Documents by their text, at most 1 MiB of it: parsed they take some twenty times that (security.md 17.7). */
const bounded = () => {
  const cache = new LRUCache<string, never>({ maxSize: 1024 * 1024, sizeCalculation: (_, text) => text.length + 1, max: 2_000 });
  return { get: (text: string) => cache.get(text), set: (text: string, value: unknown) => void cache.set(text, value as never) };
};

const limits: Plugin = {
  onParse: ({ params, setParseFn }) => {
    const text = String(params.source);
    if (text.length > mostDocument.characters || !isSound(text))
      throw failure('QUERY_TOO_COMPLEX', { limit: 'document', http: { status: 400, headers: {} } });
    setParseFn((source, options) => parse(source, { ...options, maxTokens: mostDocument.tokens }));
  },
  onExecute: ({ args, setExecuteFn, setResultAndStopExecution }) => {
    setExecuteFn(execute);
    refuse(args, setResultAndStopExecution);
  },
  onSubscribe: ({ args, setSubscribeFn, setResultAndStopExecution }) => {
    setSubscribeFn(subscribeFresh);
    refuse(args, setResultAndStopExecution);
  },
};

function refuse(args: ExecutionArgs, stop: (result: { errors: Error[] }) => void) {
  try {
    checkLimits(args);
  } catch (error) {
    stop({ errors: [error as Error] });
  }
}

const closed: Plugin = { onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule) };
