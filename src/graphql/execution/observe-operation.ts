import type { Span } from '@opentelemetry/api';
import type { DocumentNode, ExecutionResult, OperationDefinitionNode, OperationTypeNode } from 'graphql';
import { codeOf, type ErrorCode } from '../../errors.ts';
import { inSpan, recordFailure, traceIdOf } from '../../lib/trace.ts';
import type { AppServices, Context } from '../context.ts';
import type { OperationOutcome, OperationReport, OperationRequest } from './operation.ts';
import { rootFieldNames } from './root-fields.ts';

/** The facts about an operation that its steps have found. */
export interface SeenOperation {
  /** Set once the document is valid. Then its root fields are fields of the schema, so that they are few. */
  operation?: DescribedOperation;
  /** Set once the caller is authenticated. */
  context?: Context;
}

interface DescribedOperation {
  readonly kind: OperationTypeNode;
  /** The names of its root fields, each once. */
  readonly fields: readonly string[];
}

const maxErrorIds = 10; // of a subscription, which may fail again and again

const described = new WeakMap<OperationDefinitionNode, DescribedOperation>();

/** The kind and the root fields of an operation; documents are cached, and so are these. */
export function describeOperation(document: DocumentNode, operation: OperationDefinitionNode): DescribedOperation {
  const known = described.get(operation);
  if (known) return known;
  const fields = [...new Set(rootFieldNames(document, operation.selectionSet))];
  const description = { kind: operation.operation, fields: fields.length > 0 ? fields : ['__typename'] };
  described.set(operation, description);
  return description;
}

/** Runs the steps of an operation, measures them, and reports their result: that of a subscription when it ends. */
export async function observeOperation(
  services: Pick<AppServices, 'metrics'>,
  request: OperationRequest,
  steps: (seen: SeenOperation) => Promise<OperationOutcome>,
): Promise<OperationOutcome> {
  const startedAt = performance.now();
  const seen: SeenOperation = {};
  let traceId: string | undefined;
  const reportOf = (progress: Pick<OperationReport, 'isOpen' | 'codes' | 'errorIds' | 'events'>): OperationReport => {
    const { operation, context } = seen;
    const { userId, id: tokenId } = context?.enteredSession ?? context?.viewer?.token ?? {};
    return {
      kind: operation?.kind,
      fields: operation?.fields ?? [],
      duration: performance.now() - startedAt,
      userId,
      tokenId,
      traceId,
      ...progress,
    };
  };
  const finish = (codes: readonly ErrorCode[], errorIds: readonly string[] = [], events?: number) => {
    const report = reportOf({ isOpen: false, codes, errorIds: errorIds.length > 0 ? errorIds : undefined, events });
    count(services, report);
    request.report?.(report);
  };
  const outcome = await inSpan({ name: 'graphql' }, async (span) => {
    traceId = traceIdOf(span);
    const result = await steps(seen);
    describeSpan(span, seen, 'errors' in result ? codesOf(result) : []);
    return result;
  });
  if (Symbol.asyncIterator in outcome) {
    request.report?.(reportOf({ isOpen: true, codes: [], events: undefined }));
    return observeStream(services, outcome, finish);
  }
  finish(codesOf(outcome), errorIdsOf(outcome));
  return outcome;
}

/** By the semantic conventions of GraphQL, with the first root field instead of the name that the client chose. */
function describeSpan(span: Span, { operation }: SeenOperation, [code]: readonly ErrorCode[]) {
  if (operation) {
    const { kind, fields } = operation;
    span.updateName(`${kind} ${fields[0]}`);
    span.setAttributes({ 'graphql.operation.type': kind, 'fieldgate.root_fields': [...fields] });
  }
  if (code === 'INTERNAL' || code === 'UNAVAILABLE') recordFailure(span, code);
  else if (code) span.setAttribute('error.type', code); // a fault of the client, not of the server
}

function count({ metrics }: Pick<AppServices, 'metrics'>, { kind, fields, codes, duration }: OperationReport) {
  const [type, code] = [kind ?? 'none', codes[0] ?? 'OK'];
  for (const operation of fields.length > 0 ? fields : ['none']) {
    metrics.operations.inc({ operation, type, code });
    if (type !== 'subscription') metrics.operationDuration.observe({ operation, type }, duration / 1_000);
  }
}

/** The codes of the errors, each once. */
const codesOf = ({ errors = [] }: Pick<ExecutionResult, 'errors'>): ErrorCode[] => [
  ...new Set(errors.map((error) => codeOf(error) ?? 'INTERNAL')),
];

const errorIdsOf = ({ errors = [] }: Pick<ExecutionResult, 'errors'>): string[] =>
  errors.flatMap(({ extensions }) => (typeof extensions.errorId === 'string' ? [extensions.errorId] : []));

/** The results of a subscription. Calls `onEnd` once, with the codes and ids of their errors and their number. */
function observeStream(
  { metrics }: Pick<AppServices, 'metrics'>,
  results: AsyncIterableIterator<ExecutionResult>,
  onEnd: (codes: readonly ErrorCode[], errorIds: readonly string[], events: number) => void,
): AsyncIterableIterator<ExecutionResult> {
  const codes = new Set<ErrorCode>();
  const errorIds: string[] = [];
  let [events, isOpen] = [0, true];
  const end = () => {
    if (!isOpen) return;
    isOpen = false;
    metrics.openSubscriptions.dec();
    onEnd([...codes], errorIds, events);
  };
  metrics.openSubscriptions.inc();
  const observed: AsyncIterableIterator<ExecutionResult> = {
    async next() {
      const result = await results.next().catch((error: unknown) => {
        codes.add('INTERNAL');
        end();
        throw error;
      });
      if (result.done) end();
      else {
        events += 1;
        for (const code of codesOf(result.value)) codes.add(code);
        if (errorIds.length < maxErrorIds) errorIds.push(...errorIdsOf(result.value));
      }
      return result;
    },
    async return() {
      end();
      return (await results.return?.()) ?? { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => observed,
  };
  return observed;
}
