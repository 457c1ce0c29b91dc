import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { open } from '../world.ts';

const world = await open();

const login = graphql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      ... on Session {
        accessToken
        user {
          email
        }
      }
    }
  }
`);

describe('login', () => {
  it('opens a session in which the caller is the user', async () => {
    const alice = await world.user();
    const { data } = await world.send(login, { input: { email: alice.email, password: alice.password } });
    expect(data.login.user?.email).toBe(alice.email);
  });

  it('answers a wrong password and an unknown e-mail alike', async () => {
    const alice = await world.user();
    const wrong = await world.send(login, { input: { email: alice.email, password: 'not the password at all' } });
    const unknown = await world.send(login, { input: { email: 'nobody@example.com', password: 'not the password at all' } });
    expect(wrong.code).toBe('INVALID_CREDENTIALS');
    expect({ ...unknown, headers: null }).toEqual({ ...wrong, headers: null });
  });
});
