import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { emailTo } from './emails.ts';

const server = await startTestServer();

describe('the email about a changed username', () => {
  it('goes to the owner, with the new username', async () => {
    const alice = await server.user();
    await alice.query('mutation { changeUsername(input: { username: "wonderland" }) { user { id } } }');
    const { subject, text } = await emailTo(server, alice.uuid, 'usernameChanged');
    expect(subject).toBe('Your username was changed');
    expect(text).toContain('Your username is now wonderland.');
  });
});
