import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { deriveLinkToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import type { QueryResult, TestServer, TestUser } from '../test-server.ts';

export type Answer = QueryResult<Record<string, Record<string, unknown>>>;

/** What the pairs need that never changes: a superadmin, a disabled domain, and a role. */
export async function createSurroundings(server: TestServer) {
  const shut = await server.domain('shut');
  await server.db.prisma.domain.update({ where: { id: shut.id }, data: { active: false } });
  return { root: await server.user('SUPERADMIN'), shut };
}

/** The users, domains and rows of one run. Nothing is shared between runs but `createSurroundings`. */
export type World = Awaited<ReturnType<typeof createWorld>>;

/**
 * A domain below another one; a member with sessions in the domain and outside of it, with every kind of link; an administrator of the upper
 * domain who has invited the member and a new user to the domain.
 */
export async function createWorld(server: TestServer, { root, shut }: Awaited<ReturnType<typeof createSurroundings>>) {
  const { prisma } = server.db;
  const suffix = randomUUID().slice(0, 8);
  const upper = await server.domain(`upper-${suffix}`);
  const domain = await server.domain(`lower-${suffix}`, upper.name);
  const role = await prisma.role.create({ data: { name: `ROLE_${suffix.toUpperCase()}`, permissions: ['users:read'] } });
  const member = await server.user('USER', domain.name);
  const inviter = await server.user('ADMIN', upper.name);
  const former = `former-${suffix}@example.com`;
  const reservation = { email: former, emailKey: former, userId: member.uuid, expiresAt: inAnHour() };
  await prisma.reservedEmail.create({ data: reservation });
  const invite = async (email: string) => {
    const data = { email, emailKey: email, roleId: role.id, domainId: domain.id, invitedById: inviter.uuid, expiresAt: inAnHour() };
    const { id } = await prisma.invitation.create({ data });
    return { id: encodeGlobalID('Invitation', id), uuid: id, token: await linkTo(server, 'INVITATION', email, { invitationId: id }) };
  };
  const userId = member.uuid;
  const link = (purpose: LinkPurpose, email = member.email) => linkTo(server, purpose, email, { userId });
  const idOf = async (where: object) => (await prisma.roleGrant.findFirstOrThrow({ where })).id;
  return {
    server,
    root,
    shut,
    upper,
    domain,
    role,
    member,
    inviter,
    /** Another session of the member, by which they end what was opened by the first one. */
    keeper: await server.newSession(member),
    inside: await server.newSession(member, domain.id),
    invitation: await invite(member.email),
    newUserInvitation: await invite(`new-${suffix}@example.com`),
    newEmail: `changed-${suffix}@example.com`,
    grants: { member: await idOf({ userId }), inviter: await idOf({ userId: inviter.uuid }) },
    link,
    former,
  };
}

type LinkPurpose = 'CONFIRM_EMAIL' | 'RESET_PASSWORD' | 'CHANGE_EMAIL' | 'UNDO_EMAIL_CHANGE' | 'INVITATION';

/** Creates the link of an email as if it had been sent. Returns its token. */
async function linkTo({ db, keys }: TestServer, purpose: LinkPurpose, email: string, of: { userId: string } | { invitationId: string }) {
  const id = randomUUID();
  const token = deriveLinkToken(keys, id);
  const hash = new Uint8Array(hashToken(token));
  await db.prisma.emailLink.create({ data: { id, purpose, email, emailKey: email, hash, expiresAt: inAnHour(), ...of } });
  return token;
}

const inAnHour = () => new Date(Date.now() + 3_600_000);

/** Calls a mutation with an input, as a user or anonymously. */
export function mutate({ server }: Pick<World, 'server'>, caller: TestUser | null, name: string, input: object, fields: string) {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const document = `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`;
  return (caller ? caller.query(document, { input }) : server.query(document, { input })) as Promise<Answer>;
}
