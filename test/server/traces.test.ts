import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { atEnd } from '../at-end.ts';
import { spawnProcess, tempEnvironment, waitUntilListening } from '../cli/process.ts';
import { waitUntil } from '../test-server.ts';

const here = await tempEnvironment();
afterAll(here.cleanUp);

interface Span {
  readonly name: string;
  /** 2 is SERVER, 3 is CLIENT (opentelemetry/proto/trace/v1). */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: Record<string, unknown>;
}

type Attributes = { key: string; value: object }[];

/** The body that an exporter sends in the format OTLP/JSON. */
interface Export {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: { readonly spans: (Span & { readonly attributes: Attributes })[] }[];
  }[];
}

/** A collector that keeps the spans it is sent. */
async function startCollector() {
  const spans: Span[] = [];
  const services = new Set<unknown>();
  const valuesOf = (attributes: Attributes) => Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  const server = createServer(async (request, response) => {
    const { resourceSpans } = (await json(request)) as Export;
    for (const { resource, scopeSpans } of resourceSpans) {
      services.add(valuesOf(resource.attributes)['service.name']);
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push({ ...span, attributes: valuesOf(span.attributes) });
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => void server.close());
  return { spans, services, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const [traceId, parentId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];

describe('a server that is started with deploy/otel.mjs', () => {
  it('exports the spans of a request, its operation, statements and emails, without values, in the trace of the client', async () => {
    const collector = await startCollector();
    const environment = {
      ...here.environment,
      NODE_OPTIONS: '--import ./deploy/otel.mjs',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'fieldgate-test',
      OTEL_BSP_SCHEDULE_DELAY: '200',
    };
    await using server = await waitUntilListening(spawnProcess(process.execPath, ['src/server/main.ts'], environment));
    const query = 'mutation ClientName($input: RegisterInput!) { aliasName: register(input: $input) { __typename } }';
    const input = { email: 'ada-secret@example.com', password: 'secret horse battery staple', displayName: 'Ada Secret' };
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${parentId}-01` },
      body: JSON.stringify({ query, variables: { input } }),
    });
    expect(await response.json()).toHaveProperty('data.aliasName');
    const own = () => collector.spans.filter((span) => span.traceId === traceId);
    const request = await waitUntil(() => own().find(({ kind }) => kind === 2));
    expect(request).toMatchObject({
      name: 'POST /graphql',
      parentSpanId: parentId,
      attributes: { 'http.request.method': 'POST', 'http.route': '/graphql', 'http.response.status_code': 200 },
    });
    const operation = await waitUntil(() => own().find(({ name }) => name === 'mutation register'));
    expect(operation).toMatchObject({ parentSpanId: request.spanId, attributes: { 'graphql.operation.type': 'mutation' } });
    const statements = own().filter(({ kind }) => kind === 3);
    expect(statements).toContainEqual(
      expect.objectContaining({
        name: expect.stringContaining('INSERT User'),
        attributes: expect.objectContaining({ 'db.system.name': 'postgresql', 'db.query.summary': expect.stringContaining('INSERT User') }),
      }),
    );
    const ids = own().map(({ spanId }) => spanId);
    expect(statements.filter(({ parentSpanId = '' }) => !ids.includes(parentSpanId))).toEqual([]);
    const email = await waitUntil(() => collector.spans.find(({ name }) => name === 'deliver email'));
    expect(collector.spans).toContainEqual(expect.objectContaining({ parentSpanId: email.spanId, kind: 3 }));
    expect(JSON.stringify(collector.spans)).not.toMatch(/ada-secret|secret horse|Ada Secret|ClientName|aliasName/);
    expect([...collector.services]).toEqual(['fieldgate-test']);
    const line = server.output.out.split('\n').find((text) => text.includes('"http_request"') && text.includes('"register"'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ traceId });
  }, 60_000);

  it('exports no statement that is part of no request and no email', async () => {
    const collector = await startCollector();
    const environment = {
      ...here.environment,
      NODE_OPTIONS: '--import ./deploy/otel.mjs',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
    await using server = await waitUntilListening(spawnProcess(process.execPath, ['src/server/main.ts'], environment));
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // the server has polled several times
    await fetch(`${server.url}/page.css`);
    await waitUntil(() => collector.spans.some(({ name }) => name === 'GET /page.css'));
    expect(collector.spans.filter(({ name }) => name !== 'GET /page.css')).toEqual([]);
  }, 60_000);
});
