import { randomUUID } from 'node:crypto';
import { invitationEmailTo } from '../mail/emails.ts';
import { type Person, until, type World } from '../test-server.ts';

export const password = 'seven teal herons misread a map';

export const inviteMutation =
  'mutation ($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id email role { name } domain { name } expiresAt } } }';
export const acceptMutation = 'mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { made user { id } } }';

export const newEmail = () => `${randomUUID()}@example.com`;

/** Invites an address, and answers what the letter to it carries, and the id of the invitation. */
export async function invite(world: World, inviter: Pick<Person, 'ask'>, to: { role: string; domain?: string; email?: string }) {
  const { email = newEmail(), ...where } = to;
  const before = await world.db.prisma.invitation.count({ where: { email } });
  const { data, errors } = await inviter.ask(inviteMutation, { input: { email, ...where } });
  if (errors) throw new Error(JSON.stringify(errors));
  const letter = await invitationEmailTo(world, email, before + 1);
  const id: string = data.inviteUser.invitation.id;
  return { ...letter, email, id, uuid: Buffer.from(id, 'base64').toString().split(':')[1] ?? '' };
}

/** Accepts as nobody, with a password for a new account. */
export const accept = (world: World, { token }: { readonly token: string }) => world.send(acceptMutation, { input: { token, password } });

/** The answer to a login with that password. */
export const logIn = (world: World, email: string) =>
  world.send('mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken user { email displayName } } } }', {
    input: { email, password },
  });

/** The roles that the owner of the address holds, as `NAME in domain`. */
export async function rolesOf({ db }: World, email: string): Promise<string[]> {
  const grants = await db.prisma.roleGrant.findMany({ where: { user: { email } }, include: { role: true, domain: true } });
  return grants.map(({ role, domain }) => (domain ? `${role.name} in ${domain.name}` : role.name)).sort();
}

/** Waits until the database has one more account with the address. */
export const waitForAccount = (world: World, email: string) => until(() => world.db.prisma.user.findUnique({ where: { emailKey: email } }));
