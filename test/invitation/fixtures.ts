import { randomUUID } from 'node:crypto';
import { invitationEmailTo } from '../mail/emails.ts';
import { type TestServer, type TestUser, waitUntil } from '../test-server.ts';

export const password = 'seven teal herons misread a map';

export const inviteMutation =
  'mutation ($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id email role { name } domain { name } expiresAt } } }';
export const acceptMutation = 'mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { made user { id } } }';

export const newEmail = () => `${randomUUID()}@example.com`;

/** Invites an address and returns the email with its link and the id of the invitation. */
export async function invite(server: TestServer, inviter: Pick<TestUser, 'query'>, to: { role: string; domain?: string; email?: string }) {
  const { email = newEmail(), ...where } = to;
  const before = await server.db.prisma.invitation.count({ where: { email } });
  const { data, errors } = await inviter.query(inviteMutation, { input: { email, ...where } });
  if (errors) throw new Error(JSON.stringify(errors));
  const mail = await invitationEmailTo(server, email, before + 1);
  const id: string = data.inviteUser.invitation.id;
  return { ...mail, email, id, uuid: Buffer.from(id, 'base64').toString().split(':')[1] ?? '' };
}

/** Accepts without a session, with a password for a new account. */
export const accept = (server: TestServer, { token }: { readonly token: string }) =>
  server.query(acceptMutation, { input: { token, password } });

/** Logs in with that password. */
export const logIn = (server: TestServer, email: string) =>
  server.query('mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken user { email displayName } } } }', {
    input: { email, password },
  });

/** The roles of the account with the address, such as `NAME in domain`. */
export async function rolesOf({ db }: TestServer, email: string): Promise<string[]> {
  const grants = await db.prisma.roleGrant.findMany({ where: { user: { email } }, include: { role: true, domain: true } });
  return grants.map(({ role, domain }) => (domain ? `${role.name} in ${domain.name}` : role.name)).sort();
}

/** Waits until an account with the address exists. */
export const waitForAccount = (server: TestServer, email: string) =>
  waitUntil(() => server.db.prisma.user.findUnique({ where: { emailKey: email } }));
