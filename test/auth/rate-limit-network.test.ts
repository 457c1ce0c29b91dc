import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startTestServer, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';

const guess = (email: string, how: { address?: string; headers?: Record<string, string> }) =>
  server.query(login, { input: { email, password: `guess ${randomUUID()}` } }, how);

/** The codes of six guesses. The sixth is rate-limited if all count for one network. */
async function sixCodes(guessFrom: (index: number) => Promise<{ code: string | undefined }>) {
  const codes: (string | undefined)[] = [];
  for (let index = 0; index < 6; index += 1) codes.push((await guessFrom(index)).code);
  return codes;
}

const oneNetwork = [...Array<string>(5).fill('INVALID_CREDENTIALS'), 'RATE_LIMITED'];

describe('the network of a request', () => {
  const forwarded = (...addresses: string[]) => ({ headers: { 'x-forwarded-for': addresses.join(', ') } });

  it('is the last address in X-Forwarded-For, which the trusted proxy adds', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    expect(await sixCodes(() => guess(alice.email, forwarded(uniqueAddress(), uniqueAddress(), address)))).toEqual(oneNetwork);
  });

  it('is the same for a whole IPv6 /64 and for both forms of an IPv4 address', async () => {
    const [alice, bob, address] = [await server.user(), await server.user(), uniqueAddress()];
    const within = (index: number) => forwarded(`2001:db8:0:7::${index + 1}`);
    expect(await sixCodes((index) => guess(alice.email, within(index)))).toEqual(oneNetwork);
    expect((await guess(alice.email, forwarded('2001:db8:0:8::1'))).code).toBe('INVALID_CREDENTIALS');
    const either = (index: number) => forwarded(index % 2 ? address : `::ffff:${address}`);
    expect(await sixCodes((index) => guess(bob.email, either(index)))).toEqual(oneNetwork);
  });

  it('ignores all other headers', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    const names = ['x-real-ip', 'x-client-ip', 'forwarded', 'cf-connecting-ip', 'true-client-ip', 'user-agent'];
    const headers = () => Object.fromEntries(names.map((name) => [name, uniqueAddress()]));
    expect(await sixCodes(() => guess(alice.email, { address, headers: headers() }))).toEqual(oneNetwork);
  });
});
