import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
} from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { cut, stringify } from './response-limits.ts';
import { authenticate } from '../authenticate.ts';
import { boundedCache } from '../../lib/lru-cache.ts';
import type { Context, Ground } from '../context.ts';
import { executeInTime } from './timeout.ts';
import { parseBounded } from './parse-document.ts';
import { subscribeFresh } from './subscribe.ts';
import { checkLimits } from './query-limits.ts';
import { maskWith } from './mask-errors.ts';
import type { Caller, Prepare, Prepared } from './operation.ts';
import { schema } from '../../schema/schema.ts';
import type { WakeUps } from '../../identity/tokens/revocation-notifier.ts';

/** The one way of every operation, over any transport: who asks, limits, rules, masking. */
export function createPipeline(ground: Ground, { afterwards }: Pick<WakeUps, 'afterwards'>) {
  const { config, log } = ground;
  const mask = maskWith(log);
  const yoga = createYoga<Caller, Context>({
    schema,
    context: ({ client, authorization }) => authenticate(ground, client, authorization),
    plugins: [operations(afterwards), config.INTROSPECTION ? {} : closed],
    parserAndValidationCache: { documentCache: boundedCache(), errorCache: boundedCache() },
    maskedErrors: { maskError: mask, errorMessage: 'INTERNAL' },
    logging: false,
    cors: false, // the door's own: Yoga's reflects every origin (security.md, LAB 1)
    multipart: false,
    maxRequestBodySize: false, // the door counts while it reads, for a third of the cost
    landingPage: false,
    graphiql: config.production ? false : { title: 'Fieldgate', subscriptionsProtocol: 'WS' },
    healthCheckEndpoint: '/health/none',
  });

  const prepare: Prepare = async (caller, params) => {
    try {
      const { schema, parse, validate, contextFactory, execute, subscribe } = yoga.getEnveloped({ ...caller, params });
      const document: DocumentNode = parse(params.query);
      const errors: readonly GraphQLError[] = validate(schema, document);
      if (errors.length > 0) return cut({ errors: errors.map(mask) }).errors;
      const { operationName, variables } = params;
      const kind = getOperationAST(document, operationName)?.operation;
      if (!kind) return [mask(new GraphQLError('Unknown operation'))];
      const contextValue: Context = await contextFactory();
      return { kind, args: { schema, document, operationName, variableValues: variables, contextValue }, execute, subscribe } as Prepared;
    } catch (error) {
      return [mask(error)];
    }
  };

  return { yoga, prepare };
}

export type Pipeline = ReturnType<typeof createPipeline>;

const operations = (afterwards: WakeUps['afterwards']): Plugin<Context> => ({
  onParse: ({ setParseFn }) => setParseFn(parseBounded),
  onExecute: ({ args, setExecuteFn, setResultAndStopExecution }) => {
    setExecuteFn(executeInTime);
    refuse(args, setResultAndStopExecution);
    return {
      onExecuteDone: ({ result, setResult }) => {
        afterwards(args.contextValue.client);
        setResult(bounds(result as ExecutionResult));
      },
    };
  },
  onSubscribe: ({ args, setSubscribeFn, setResultAndStopExecution }) => {
    setSubscribeFn(subscribeFresh);
    refuse(args, setResultAndStopExecution);
  },
});

/** The result with what bounds its size wherever Yoga writes it down. */
const bounds = (result: ExecutionResult) => Object.assign(cut(result), { stringify });

function refuse(args: ExecutionArgs, stop: (result: { errors: Error[] }) => void) {
  try {
    checkLimits(args);
  } catch (error) {
    stop({ errors: [error as Error] });
  }
}

const closed: Plugin = { onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule) };
