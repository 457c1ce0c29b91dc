import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { json, text } from 'node:stream/consumers';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { atEnd } from '../at-end.ts';
import { spawnProcess, tempEnvironment, waitUntilListening } from '../cli/process.ts';
import { isEmbedded } from '../test-database.ts';
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

/** The number of transactions in the database of the server, counted from another database. */
async function countTransactions(): Promise<number> {
  const database = new URL(here.environment.DATABASE_URL ?? '').pathname.slice(1);
  const observer = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
  await observer.connect();
  const { rows } = await observer.query('select xact_commit::int as count from pg_stat_database where datname = $1', [database]);
  await observer.end();
  return rows[0].count;
}

const traced = ['--import', './deploy/otel.mjs', 'src/server/main.ts'];
const [traceId, parentId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];

describe('a server that is started with deploy/otel.mjs', () => {
  it('exports the spans of a request, its operation, statements and emails, without values, in the trace of the client', async () => {
    const collector = await startCollector();
    const environment = {
      ...here.environment,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'fieldgate-test',
      OTEL_BSP_SCHEDULE_DELAY: '200',
    };
    await using server = await waitUntilListening(spawnProcess(process.execPath, traced, environment));
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

  it.skipIf(isEmbedded)(
    'exports no statement that is part of no request and no email (needs a PostgreSQL server)',
    async () => {
      const collector = await startCollector();
      const environment = {
        ...here.environment,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '100',
      };
      await using server = await waitUntilListening(spawnProcess(process.execPath, traced, environment));
      const before = await countTransactions();
      await waitUntil(async () => (await countTransactions()) > before + 10); // the server has polled several times
      await fetch(`${server.url}/page.css`);
      await waitUntil(() => collector.spans.some(({ name }) => name === 'GET /page.css'));
      expect(collector.spans.filter(({ name }) => name !== 'GET /page.css')).toEqual([]);
    },
    60_000,
  );

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('exports the spans of the last request before it ends on %s', async (signal) => {
    const collector = await startCollector();
    const environment = { ...here.environment, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '60000' };
    const { child, ended, ...rest } = spawnProcess(process.execPath, traced, environment);
    const { url } = await waitUntilListening({ child, ended, ...rest });
    const { port, hostname } = new URL(url);
    const body = '{"query":"{ viewer { fresh } }"}';
    const headers = `host: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    const socket = connect(Number(port), hostname);
    const response = text(socket);
    socket.write(`POST /graphql HTTP/1.1\r\n${headers}\r\n\r\n${body.slice(0, 10)}`);
    await fetch(`${url}/page.css`); // the server has read what was written before
    child.kill(signal);
    await rest.waitForOutput(() => rest.output.out.includes('"sys_shutdown"'));
    socket.write(body.slice(10));
    expect(await response).toContain('"viewer"');
    expect(await ended).toBe(0);
    expect(collector.spans).toContainEqual(expect.objectContaining({ name: 'query viewer' }));
    expect(collector.spans).toContainEqual(expect.objectContaining({ name: 'POST /graphql' }));
  });
});
