import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

/** Without an SDK of OpenTelemetry, its spans do nothing (docs/decisions/0055). */
const tracer = trace.getTracer('fieldgate');

interface TracedWork extends Pick<SpanOptions, 'kind'> {
  readonly name: string;
  readonly attributes?: Attributes;
  /** The context that the span belongs to. Defaults to the active one. */
  readonly parent?: Context;
}

/** Runs work in a span, which is active meanwhile. */
export async function inSpan<T>({ name, parent = context.active(), ...options }: TracedWork, work: (span: Span) => Promise<T>): Promise<T> {
  const span = tracer.startSpan(name, options, parent);
  try {
    return await context.with(trace.setSpan(parent, span), work, undefined, span);
  } catch (error) {
    recordFailure(span, (error as { code?: unknown } | undefined)?.code);
    throw error;
  } finally {
    span.end();
  }
}

/** Marks a span as failed. Only codes are recorded: a message may contain a value. */
export function recordFailure(span: Span, code: unknown) {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', typeof code === 'string' ? code : '_OTHER');
}

/** Runs work as a span if it is part of a trace: what the server does by itself every second is none. */
export const inSpanOfTrace = <T>(describe: () => TracedWork, work: () => Promise<T>): Promise<T> =>
  trace.getActiveSpan()?.isRecording() ? inSpan(describe(), work) : work();

/** The id of the trace that a span belongs to; undefined if there is none. */
export function traceIdOf(span: Span): string | undefined {
  const spanContext = span.spanContext();
  return isSpanContextValid(spanContext) ? spanContext.traceId : undefined;
}
