import { randomUUID } from 'node:crypto';
import { letterTo } from '../mail/letters.ts';
import type { Person, World } from '../test-server.ts';

export const request = 'mutation ($input: RequestEmailChangeInput!) { requestEmailChange(input: $input) { ok } }';
export const confirm = 'mutation ($input: ConfirmEmailChangeInput!) { confirmEmailChange(input: $input) { ended } }';
export const undo = 'mutation ($input: UndoEmailChangeInput!) { undoEmailChange(input: $input) { ok } }';
export const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';

export const newEmail = () => `${randomUUID()}@example.com`;

/** Somebody asks for another address, and has the letter that went there. */
export async function asked(world: World, alice: Person, email = newEmail(), count = 1) {
  await alice.ask(request, { input: { newEmail: email } });
  return { email, ...(await letterTo(world, alice.uuid, 'newAddress', count)) };
}

/** Somebody changes the address; answers the new one, and the token that undoes it. */
export async function moved(world: World, alice: Person, count = 1) {
  const { email, token } = await asked(world, alice, newEmail(), count);
  await alice.ask(confirm, { input: { token } });
  return { email, token: (await letterTo(world, alice.uuid, 'addressChanged', count)).token };
}

/** The address that an account has now. */
export const emailOf = async ({ db }: World, { uuid }: Pick<Person, 'uuid'>) =>
  (await db.prisma.user.findUniqueOrThrow({ where: { id: uuid } })).email;
