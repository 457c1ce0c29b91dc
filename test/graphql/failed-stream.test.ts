import { expect, it } from 'vitest';
import { observeOperation } from '../../src/graphql/execution/observe-operation.ts';
import type { OperationReport } from '../../src/graphql/execution/operation.ts';
import { createMetrics } from '../../src/metrics.ts';

const request = { params: { query: '' }, client: { network: 'local', agent: 'test', requestId: 'test' }, authorization: null };

it('counts and reports a subscription whose results fail as ended, with the code INTERNAL', async () => {
  const metrics = createMetrics();
  const reports: OperationReport[] = [];
  const failing = (async function* () {
    yield { data: {} };
    throw new Error('the source failed');
  })();
  const outcome = await observeOperation({ metrics }, { ...request, report: (report) => reports.push(report) }, async (seen) => {
    seen.operation = { kind: 'subscription' as never, fields: ['tokenRevoked'] };
    return failing;
  });
  if (!(Symbol.asyncIterator in outcome)) throw new Error('not a stream');
  const openSubscriptions = async () => (await metrics.openSubscriptions.get()).values[0]?.value;
  await outcome.next();
  expect(await openSubscriptions()).toBe(1);
  await expect(outcome.next()).rejects.toThrow('the source failed');
  await outcome.return?.();
  expect(await openSubscriptions()).toBe(0);
  expect(reports.map(({ isOpen, codes, events }) => ({ isOpen, codes, events }))).toEqual([
    { isOpen: true, codes: [], events: undefined },
    { isOpen: false, codes: ['INTERNAL'], events: 1 },
  ]);
  const { values } = await metrics.operations.get();
  expect(values).toMatchObject([{ labels: { operation: 'tokenRevoked', code: 'INTERNAL' }, value: 1 }]);
});
