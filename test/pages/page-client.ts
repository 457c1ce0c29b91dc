import { randomUUID } from 'node:crypto';
import { emailTo } from '../mail/emails.ts';
import { newAddress, type World } from '../test-server.ts';

/** Opens a page, or sends a form to it; answers also what it is called, and what stands as its heading. */
export async function openPage(
  { url }: Pick<World, 'url'>,
  path: string,
  form?: Record<string, string>,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(url + path, {
    ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    headers: { 'x-forwarded-for': newAddress(), ...headers },
  });
  const html = await answer.text();
  const [, title = ''] = /<title>(.*)<\/title>/.exec(html) ?? [];
  const [, heading = ''] = /<h1>(.*)<\/h1>/.exec(html) ?? [];
  return { status: answer.status, headers: answer.headers, html, title, heading };
}

export const password = 'seven teal herons misread a map';

/** Somebody who has registered, and has the letter. */
export async function registerUser(world: World) {
  const email = `${randomUUID()}@example.com`;
  await world.send('mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }', {
    input: { email, password },
  });
  const { id } = await world.db.prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
  return { email, id, letter: await emailTo(world, id, 'confirmation') };
}

/** The letter by which somebody chooses a new password. */
export async function passwordResetEmail(world: World, { email, id }: { email: string; id: string }) {
  await world.send('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', { input: { email } });
  return emailTo(world, id, 'passwordReset');
}

/** Why somebody cannot log in; undefined where they can. */
export async function loginErrorCode(world: World, email: string, typed: string) {
  const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
  return (await world.send(login, { input: { email, password: typed } })).code;
}
