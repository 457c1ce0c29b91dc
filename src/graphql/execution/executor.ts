import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
} from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import { runAs } from '../../database/workload.ts';
import type { Notifier } from '../../identity/tokens/revocation-notifier.ts';
import { createPendingEvents, type UnitOfWork } from '../../identity/unit-of-work.ts';
import { authenticate, authenticateOrAnonymous } from '../authenticate.ts';
import type { AppServices, Context } from '../context.ts';
import { onlyExchangesCredentials } from './credential-exchange.ts';
import { createErrorMask } from './mask-errors.ts';
import { describeOperation, observeOperation, type SeenOperation } from './observe-operation.ts';
import type { OperationOutcome, OperationRequest, Rejection, RunOperation } from './operation.ts';
import { workloadOf } from './operation-workload.ts';
import { parseWithLimits } from './parse-document.ts';
import { checkLimits } from './query-limits.ts';
import { truncateErrors } from './response-limits.ts';
import { subscribeWithFreshContext } from './subscribe.ts';
import { executeWithTimeout } from './timeout.ts';

// A parsed document takes some twenty times its text (security.md 17.7).
const createDocumentCache = <Value extends object>() =>
  new LRUCache<string, Value>({ max: 2_000, maxSize: 1024 * 1024, sizeCalculation: (_, text) => Math.max(1, text.length) });

/**
 * Creates the one function that runs operations, for JSON, server-sent events, WebSocket, the HTML pages and the admin commands.
 * Every operation takes these steps, in this order:
 *
 * | step         | what it does                                                    | where                          |
 * |--------------|-----------------------------------------------------------------|--------------------------------|
 * | parse        | limits size and tokens; parsed documents are cached              | parse-document.ts              |
 * | validate     | also disables introspection, if configured; cached               | graphql-js                     |
 * | authenticate | turns the bearer token into the context; a bad one does not stop | ../authenticate.ts             |
 * |              | an operation that only exchanges credentials                     | credential-exchange.ts         |
 * | admit        | lets the transport reject what it cannot deliver                 | operation.ts                   |
 * | limit        | depth, aliases, cost                                             | query-limits.ts                |
 * | execute      | until the timeout or until the client disconnects                | timeout.ts, subscribe.ts       |
 * | authorize    | each field by its access rule, before it is resolved             | authorization/enforce/         |
 * | bound        | keeps the first errors only                                      | response-limits.ts             |
 * | mask         | hides input values and internals                                 | mask-errors.ts                 |
 * | notify       | announces the events that the operation has caused               | identity/, revocation-notifier |
 *
 * The transports bound the size of what they send by `stringify` of response-limits.ts.
 */
export function createExecutor(schema: GraphQLSchema, services: AppServices, notifier: Pick<Notifier, 'flush'>): RunOperation {
  const mask = createErrorMask(services.log);
  const yoga = createYoga<OperationRequest & UnitOfWork & BearerUse, Context>({
    schema,
    plugins: [executionFunctions, services.config.INTROSPECTION ? {} : disableIntrospection],
    context: (request) => (request.isBearerOptional ? authenticateOrAnonymous : authenticate)(services, request, request.authorization),
    parserAndValidationCache: { documentCache: createDocumentCache<DocumentNode>(), errorCache: createDocumentCache<Error>() },
    maskedErrors: { maskError: mask, errorMessage: 'INTERNAL' },
    logging: false,
  });

  return (request) => observeOperation(services, request, (seen) => run(request, seen));

  async function run(request: OperationRequest, seen: SeenOperation): Promise<OperationOutcome> {
    const { query, operationName, variables: variableValues } = request.params;
    const events = createPendingEvents();
    try {
      const { parse, validate, contextFactory, execute, subscribe } = yoga.getEnveloped({ ...request, events });
      const document = parse(query);
      const faults: readonly GraphQLError[] = validate(schema, document);
      if (faults.length > 0) return rejection(faults.map(mask));
      const operation = getOperationAST(document, operationName);
      if (!operation) return rejection([mask(new GraphQLError('Unknown operation'))]);
      seen.operation = describeOperation(document, operation);
      const contextValue: Context = await contextFactory({ isBearerOptional: onlyExchangesCredentials(schema, document, operationName) });
      seen.context = contextValue;
      const kind = operation.operation;
      const error = request.admit?.({ kind, context: contextValue });
      if (error) return rejection([error]);
      const args = { schema, document, operationName, variableValues, contextValue };
      const excess = checkLimits(args);
      if (excess) return { errors: [excess] };
      const workload = workloadOf(schema, document, operation, contextValue);
      return await runAs(workload, () => (kind === 'subscription' ? subscribe(args) : execute(args)));
    } catch (error) {
      return rejection([mask(error)]);
    } finally {
      notifier.flush(events);
    }
  }
}

interface BearerUse {
  /** True if a bad bearer token does not reject the operation. */
  readonly isBearerOptional?: boolean;
}

const rejection = (errors: readonly GraphQLError[]): Rejection => ({ rejected: true, errors: truncateErrors({ errors }).errors });

/** What Yoga calls to parse, execute and subscribe. */
const executionFunctions: Plugin<Context> = {
  onParse: ({ setParseFn }) => setParseFn(parseWithLimits),
  onExecute: ({ setExecuteFn }) => {
    setExecuteFn(executeWithTimeout);
    return boundErrors;
  },
  onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribeWithFreshContext),
};

const boundErrors: ReturnType<NonNullable<Plugin<Context>['onExecute']>> = {
  onExecuteDone: ({ result, setResult }) => setResult(truncateErrors(result as ExecutionResult)),
};

const disableIntrospection: Plugin = {
  onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule),
};
