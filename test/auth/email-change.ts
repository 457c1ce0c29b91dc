import { randomUUID } from 'node:crypto';
import { emailTo } from '../mail/emails.ts';
import type { Person, World } from '../test-server.ts';

export const requestMutation = 'mutation ($input: RequestEmailChangeInput!) { requestEmailChange(input: $input) { ok } }';
export const confirmMutation = 'mutation ($input: ConfirmEmailChangeInput!) { confirmEmailChange(input: $input) { ended } }';
export const undoMutation = 'mutation ($input: UndoEmailChangeInput!) { undoEmailChange(input: $input) { ok } }';
export const loginMutation = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';

export const newEmail = () => `${randomUUID()}@example.com`;

/** Somebody asks for another address, and has the letter that went there. */
export async function requestChange(world: World, alice: Person, email = newEmail(), count = 1) {
  await alice.ask(requestMutation, { input: { newEmail: email } });
  return { email, ...(await emailTo(world, alice.uuid, 'newAddress', count)) };
}

/** Somebody changes the address; answers the new one, and the token that undoes it. */
export async function changeEmail(world: World, alice: Person, count = 1) {
  const { email, token } = await requestChange(world, alice, newEmail(), count);
  await alice.ask(confirmMutation, { input: { token } });
  return { email, token: (await emailTo(world, alice.uuid, 'addressChanged', count)).token };
}

/** The address that an account has now. */
export const currentEmail = async ({ db }: World, { uuid }: Pick<Person, 'uuid'>) =>
  (await db.prisma.user.findUniqueOrThrow({ where: { id: uuid } })).email;
