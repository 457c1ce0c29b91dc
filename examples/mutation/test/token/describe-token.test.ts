import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const [alice, bob] = [await server.user(), await server.user()];
const describeToken = graphql(`
  mutation DescribeToken($input: DescribeTokenInput!) { describeToken(input: $input) { token { description } } }
`);

describe('describeToken', () => {
  it('changes the description of a session of the caller, and of no other', async () => {
    const input = { id: alice.tokenId, description: 'the old laptop' };
    expect((await alice.query(describeToken, { input })).data.describeToken.token).toEqual({ description: 'the old laptop' });
    expect((await bob.query(describeToken, { input })).code).toBe('NOT_FOUND');
  });

  it('records an audit event', async () => {
    await alice.query(describeToken, { input: { id: alice.tokenId, description: 'the new laptop' } });
    const event = await server.db.prisma.auditEvent.findFirst({ where: { reason: 'token described' } });
    expect(event).toMatchObject({ action: 'user_updated', actorId: alice.uuid, userId: alice.uuid, targetType: 'Token' });
  });
});
