import { uniqueAddress } from '../test-server.ts';

const password = 'horses of the correct battery';

/** Sends an operation to a server process and returns its data, or the code of its first error. */
async function send(url: string, document: string, input: object = {}, token?: string) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': uniqueAddress(), ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: document, variables: { input } }),
  });
  const { data, errors } = (await response.json()) as { data: Record<string, never>; errors?: { extensions: { code: string } }[] };
  return { data, code: errors?.[0]?.extensions.code ?? 'ok' };
}

interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

const session = '... on Session { accessToken refreshToken }';

/** The actions of a user at a server process, each with its outcome: a session, or an error code. */
export const user = (email: string) => ({
  async register(url: string): Promise<Session> {
    const { data } = await send(url, `mutation ($input: RegisterInput!) { register(input: $input) { session { ${session} } } }`, {
      email,
      password,
    });
    return (data as unknown as { register: { session: Session } }).register.session;
  },
  async logIn(url: string): Promise<Session | string> {
    const { data, code } = await send(url, `mutation ($input: LoginInput!) { login(input: $input) { ${session} } }`, { email, password });
    return code === 'ok' ? (data as unknown as { login: Session }).login : code;
  },
  async createApiToken(url: string, { accessToken }: Session): Promise<string> {
    const document = 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }';
    const { data } = await send(url, document, { description: 'script', scopes: ['users:read'] }, accessToken);
    return (data as unknown as { createApiToken: { secret: string } }).createApiToken.secret;
  },
  logOut: (url: string, { accessToken }: Session) =>
    send(url, 'mutation { logout { __typename } }', {}, accessToken).then(({ code }) => code),
  refresh: (url: string, { refreshToken }: Session) =>
    send(url, 'mutation ($input: RefreshInput!) { refresh(input: $input) { __typename } }', { refreshToken }).then(({ code }) => code),
});

/** `ok` if the server accepts the token, otherwise its error code. */
export const use = (url: string, token: string) => send(url, '{ me { email } }', {}, token).then(({ code }) => code);
