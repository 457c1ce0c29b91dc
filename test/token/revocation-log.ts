import { sql } from '../../src/database/database.ts';
import { channels } from '../../src/identity/tokens/revocation-channel.ts';
import type { QueryResult, TestServer, TestUser } from '../test-server.ts';

/** An entry of the revocation log as the API returns it. */
export interface LogEntry {
  readonly cursor: string;
  readonly sid: string;
  readonly reason: string;
}

/** A page of the log; `args` are the arguments of the field as text. */
export async function revocationPage(person: Pick<TestUser, 'query'>, args = '', fields = 'cursor sid reason') {
  const document = `{ tokenRevocations${args} { edges { cursor node { ${fields} } } pageInfo { hasNextPage endCursor } } }`;
  const answer: QueryResult<{
    tokenRevocations: { edges: { cursor: string; node: LogEntry }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
  }> = await person.query(document);
  const { edges = [], pageInfo } = answer.data?.tokenRevocations ?? {};
  return { nodes: edges.map(({ node }) => node), edges, pageInfo, code: answer.code, errors: answer.errors };
}

/** All entries of the log after a cursor, read page by page. */
export async function readRevocations(
  person: Pick<TestUser, 'query'>,
  scope = 'all: true',
  after?: string,
  first = 100,
): Promise<LogEntry[]> {
  const { nodes, pageInfo, errors } = await revocationPage(person, `(${scope}, first: ${first}${after ? `, after: "${after}"` : ''})`);
  if (errors) throw new Error(JSON.stringify(errors));
  return pageInfo?.hasNextPage ? [...nodes, ...(await readRevocations(person, scope, pageInfo.endCursor, first))] : nodes;
}

/** The cursor of the last entry of the log. */
export async function endCursor(person: Pick<TestUser, 'query'>, after?: string): Promise<string> {
  const { pageInfo } = await revocationPage(person, `(all: true, first: 100${after ? `, after: "${after}"` : ''})`);
  return pageInfo?.hasNextPage ? endCursor(person, pageInfo.endCursor) : (pageInfo?.endCursor ?? '');
}

/** A resource server that follows all revocations with an API token: the token has these scopes, its owner a role with these permissions. */
export async function resourceServer(server: TestServer, scopes = ['tokens:follow'], permissions = ['tokens:follow']) {
  const name = `SERVER_${Math.trunc(performance.now() * 1_000)}`;
  await server.db.prisma.role.create({ data: { name, permissions } });
  const account = await server.user(name);
  const { data } = await account.query(
    'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }',
    {
      input: { description: 'a resource server', scopes },
    },
  );
  const token: string = data.createApiToken.secret;
  const query = ((document, variables) => server.query(document, variables, { token })) as TestUser['query'];
  return { account, token, query };
}

/** Creates this many sessions of a user and revokes them, `together` of them in each commit. */
export async function revokeMany({ db }: Pick<TestServer, 'db'>, userId: string, count: number, together = 7) {
  const later = new Date(Date.now() + 1e9);
  const session = { kind: 'SESSION' as const, userId, scopes: [], expiresAt: later, idleExpiresAt: later };
  const rows = await db.prisma.token.createManyAndReturn({ data: Array.from({ length: count }, () => session) });
  const ending = { kind: 'SESSION', userId, reason: 'LOGOUT', initiator: 'USER' } as const;
  for (let start = 0; start < count; start += together) {
    await db.prisma.tokenRevocation.createMany({ data: rows.slice(start, start + together).map(({ id }) => ({ tokenId: id, ...ending })) });
    await db.query(sql`select pg_notify(${channels.tokenRevoked}, '')::text`);
  }
}
