import { randomUUID } from 'node:crypto';
import { emailTo } from '../mail/emails.ts';
import type { TestServer, TestUser } from '../test-server.ts';

export const requestMutation = 'mutation ($input: RequestEmailChangeInput!) { requestEmailChange(input: $input) { ok } }';
export const confirmMutation = 'mutation ($input: ConfirmEmailChangeInput!) { confirmEmailChange(input: $input) { ended } }';
export const undoMutation = 'mutation ($input: UndoEmailChangeInput!) { undoEmailChange(input: $input) { ok } }';
export const loginMutation = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';

export const newEmail = () => `${randomUUID()}@example.com`;

/** Requests a new address and returns the email sent to it. */
export async function requestChange(server: TestServer, alice: TestUser, email = newEmail(), count = 1) {
  await alice.query(requestMutation, { input: { newEmail: email } });
  return { email, ...(await emailTo(server, alice.uuid, 'emailChangeConfirmation', count)) };
}

/** Changes the address and returns the new one and the token that undoes the change. */
export async function changeEmail(server: TestServer, alice: TestUser, count = 1) {
  const { email, token } = await requestChange(server, alice, newEmail(), count);
  await alice.query(confirmMutation, { input: { token } });
  return { email, token: (await emailTo(server, alice.uuid, 'emailChanged', count)).token };
}

/** The current address of an account. */
export const currentEmail = async ({ db }: TestServer, { uuid }: Pick<TestUser, 'uuid'>) =>
  (await db.prisma.user.findUniqueOrThrow({ where: { id: uuid } })).email;
