import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const reportLostDevice = graphql(`
  mutation ReportLostDevice($input: ReportLostDeviceInput!) { reportLostDevice(input: $input) { changed } }
`);
const revocations = '{ tokenRevocations { edges { node { reason event } } } }';

describe('reportLostDevice', () => {
  it('revokes the session, and followers of the log read the reason', async () => {
    const alice = await server.user();
    const phone = await server.newSession(alice);
    const { data } = await alice.query(reportLostDevice, { input: { id: phone.tokenId } });
    expect(data.reportLostDevice).toEqual({ changed: true });
    const log = await alice.query(revocations);
    expect(log.data.tokenRevocations.edges).toEqual([{ node: { reason: 'DEVICE_LOST', event: 'SESSION_REVOKED' } }]);
    expect((await phone.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });
});
