import { randomUUID } from 'node:crypto';
import { emailTo } from '../mail/emails.ts';
import { type TestServer, uniqueAddress } from '../test-server.ts';

/** Opens a page or submits a form to it. Returns its title and heading too. */
export async function openPage(
  { url }: Pick<TestServer, 'url'>,
  path: string,
  form?: Record<string, string>,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(url + path, {
    ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    headers: { 'x-forwarded-for': uniqueAddress(), ...headers },
  });
  const html = await answer.text();
  const [, title = ''] = /<title>(.*)<\/title>/.exec(html) ?? [];
  const [, heading = ''] = /<h1>(.*)<\/h1>/.exec(html) ?? [];
  return { status: answer.status, headers: answer.headers, html, title, heading };
}

export const password = 'seven teal herons misread a map';

/** Registers a user and returns the confirmation email. */
export async function registerUser(server: TestServer) {
  const email = `${randomUUID()}@example.com`;
  await server.query('mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }', {
    input: { email, password },
  });
  const { id } = await server.db.prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
  return { email, id, mail: await emailTo(server, id, 'emailConfirmation') };
}

/** Requests a password reset and returns its email. */
export async function passwordResetEmail(server: TestServer, { email, id }: { email: string; id: string }) {
  await server.query('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', { input: { email } });
  return emailTo(server, id, 'passwordReset');
}

/** The error code of a login; undefined if it succeeds. */
export async function loginErrorCode(server: TestServer, email: string, typed: string) {
  const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
  return (await server.query(login, { input: { email, password: typed } })).code;
}
