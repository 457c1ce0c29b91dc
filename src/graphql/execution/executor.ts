import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
} from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { Notifier } from '../../identity/tokens/revocation-notifier.ts';
import { createPendingEvents, type UnitOfWork } from '../../identity/unit-of-work.ts';
import { createLruCache } from '../../lib/lru-cache.ts';
import { schema } from '../../schema/schema.ts';
import { authenticate } from '../authenticate.ts';
import type { AppServices, Context } from '../context.ts';
import { createErrorMask } from './mask-errors.ts';
import type { PreparedOperation, PrepareOperation, RequestInfo } from './operation.ts';
import { parseWithLimits } from './parse-document.ts';
import { checkLimits } from './query-limits.ts';
import { stringify, truncateErrors } from './response-limits.ts';
import { subscribeWithFreshContext } from './subscribe.ts';
import { executeWithTimeout } from './timeout.ts';

/** The one way of every operation, over any transport: who asks, limits, rules, masking. */
export function createExecutor(services: AppServices, { flush }: Pick<Notifier, 'flush'>) {
  const { config, log } = services;
  const mask = createErrorMask(log);
  const yoga = createYoga<RequestInfo & UnitOfWork, Context>({
    schema,
    context: (request) => authenticate(services, request, request.authorization),
    plugins: [operations(flush), config.INTROSPECTION ? {} : closed],
    parserAndValidationCache: { documentCache: createLruCache(), errorCache: createLruCache() },
    maskedErrors: { maskError: mask, errorMessage: 'INTERNAL' },
    logging: false,
    cors: false, // the guard's own: Yoga's reflects every origin (security.md, LAB 1)
    multipart: false,
    maxRequestBodySize: false, // the guard counts while it reads, for a third of the cost
    landingPage: false,
    graphiql: config.production ? false : { title: 'Fieldgate', subscriptionsProtocol: 'WS' },
    healthCheckEndpoint: '/health/none',
  });

  const prepare: PrepareOperation = async (caller, params) => {
    try {
      const { schema, parse, validate, contextFactory, execute, subscribe } = yoga.getEnveloped({
        ...caller,
        params,
        events: createPendingEvents(),
      });
      const document: DocumentNode = parse(params.query);
      const errors: readonly GraphQLError[] = validate(schema, document);
      if (errors.length > 0) return truncateErrors({ errors: errors.map(mask) }).errors;
      const { operationName, variables } = params;
      const kind = getOperationAST(document, operationName)?.operation;
      if (!kind) return [mask(new GraphQLError('Unknown operation'))];
      const contextValue: Context = await contextFactory();
      return {
        kind,
        args: { schema, document, operationName, variableValues: variables, contextValue },
        execute,
        subscribe,
      } as PreparedOperation;
    } catch (error) {
      return [mask(error)];
    }
  };

  return { yoga, prepare };
}

export type Executor = ReturnType<typeof createExecutor>;

const operations = (afterwards: Notifier['flush']): Plugin<Context> => ({
  onParse: ({ setParseFn }) => setParseFn(parseWithLimits),
  onExecute: ({ args, setExecuteFn, setResultAndStopExecution }) => {
    setExecuteFn(executeWithTimeout);
    refuse(args, setResultAndStopExecution);
    return {
      onExecuteDone: ({ result, setResult }) => {
        afterwards(args.contextValue.events);
        setResult(bounds(result as ExecutionResult));
      },
    };
  },
  onSubscribe: ({ args, setSubscribeFn, setResultAndStopExecution }) => {
    setSubscribeFn(subscribeWithFreshContext);
    refuse(args, setResultAndStopExecution);
  },
});

/** The result with what bounds its size wherever Yoga writes it down. */
const bounds = (result: ExecutionResult) => Object.assign(truncateErrors(result), { stringify });

function refuse(args: ExecutionArgs, stop: (result: { errors: Error[] }) => void) {
  try {
    checkLimits(args);
  } catch (error) {
    stop({ errors: [error as Error] });
  }
}

const closed: Plugin = { onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule) };
