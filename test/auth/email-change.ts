import { randomUUID } from 'node:crypto';
import { emailTo } from '../mail/emails.ts';
import type { TestServer, TestUser } from '../test-server.ts';

export const requestMutation = 'mutation ($input: RequestEmailChangeInput!) { requestEmailChange(input: $input) { ok } }';
export const confirmMutation = 'mutation ($input: ConfirmEmailChangeInput!) { confirmEmailChange(input: $input) { ended } }';
export const undoMutation = 'mutation ($input: UndoEmailChangeInput!) { undoEmailChange(input: $input) { ok } }';
export const loginMutation = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';

export const newEmail = () => `${randomUUID()}@example.com`;

/** Somebody asks for another address, and has the letter that went there. */
export async function requestChange(server: TestServer, alice: TestUser, email = newEmail(), count = 1) {
  await alice.query(requestMutation, { input: { newEmail: email } });
  return { email, ...(await emailTo(server, alice.uuid, 'newAddress', count)) };
}

/** Somebody changes the address; answers the new one, and the token that undoes it. */
export async function changeEmail(server: TestServer, alice: TestUser, count = 1) {
  const { email, token } = await requestChange(server, alice, newEmail(), count);
  await alice.query(confirmMutation, { input: { token } });
  return { email, token: (await emailTo(server, alice.uuid, 'addressChanged', count)).token };
}

/** The address that an account has now. */
export const currentEmail = async ({ db }: TestServer, { uuid }: Pick<TestUser, 'uuid'>) =>
  (await db.prisma.user.findUniqueOrThrow({ where: { id: uuid } })).email;
