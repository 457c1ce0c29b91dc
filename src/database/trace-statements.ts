import { SpanKind } from '@opentelemetry/api';
import type { SqlDriverAdapter, SqlQueryable } from '@prisma/driver-adapter-utils';
import { inSpanOfTrace } from '../lib/trace.ts';

/** Runs a statement as a span of the trace that it is part of. The span has no text and no values. */
export const traceStatement = <T>(text: string, run: () => Promise<T>): Promise<T> =>
  inSpanOfTrace(() => {
    const summary = summaryOf(text);
    return { name: summary, kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql', 'db.query.summary': summary } };
  }, run);

interface AdapterFactory {
  connect(): Promise<SqlDriverAdapter>;
}

/** Traces the statements of Prisma, in transactions and outside of them. */
export function traceAdapter<Factory extends AdapterFactory>(factory: Factory): Factory {
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = traceQueries(await connect());
    const startTransaction = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) => traceQueries(await startTransaction(isolationLevel));
    return adapter;
  };
  return factory;
}

function traceQueries<Queryable extends SqlQueryable>(queryable: Queryable): Queryable {
  const queryRaw = queryable.queryRaw.bind(queryable);
  const executeRaw = queryable.executeRaw.bind(queryable);
  queryable.queryRaw = (query) => traceStatement(query.sql, () => queryRaw(query));
  queryable.executeRaw = (query) => traceStatement(query.sql, () => executeRaw(query));
  return queryable;
}

const maxTables = 4;
const action = /\b(?<verb>insert into|delete from|update|from|join)\s+(?:"public"\.)?"(?<table>\w+)"/gi;
const verbs: Record<string, string> = { 'insert into': 'INSERT', 'delete from': 'DELETE', update: 'UPDATE' };
const summaries = new Map<string, string>();

/** A summary of a statement: its verbs with their tables, for example `UPDATE TokenSecret UPDATE Token`. Statements with the same text share it. */
function summaryOf(text: string): string {
  const known = summaries.get(text);
  if (known) return known;
  const actions = [...text.matchAll(action)].map(
    ({ groups }) => `${verbs[groups?.verb?.toLowerCase() ?? ''] ?? 'SELECT'} ${groups?.table}`,
  );
  const summary = [...new Set(actions)].slice(0, maxTables).join(' ') || (/\w+/.exec(text)?.[0].toUpperCase() ?? 'SQL');
  if (summaries.size < 500) summaries.set(text, summary);
  return summary;
}
