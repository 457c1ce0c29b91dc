import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import pg from 'pg';
import { deriveLinkToken, generateToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import { type QueryResult, type TestServer, type TestUser, uniqueAddress } from '../test-server.ts';

export type Answer = QueryResult<Record<string, Record<string, unknown>>>;

/** What the pairs need that never changes: a superadmin, a disabled domain, and a connection that inserts the rows of a run. */
export async function createSurroundings(server: TestServer) {
  const shut = await server.domain('shut');
  await server.db.prisma.domain.update({ where: { id: shut.id }, data: { active: false } });
  const client = new pg.Client({ connectionString: server.databaseUrl });
  await client.connect();
  return {
    superadmin: await server.user('SUPERADMIN'),
    shut,
    insert: (statements: string) => client.query(statements),
    close: () => client.end(),
  };
}

/** The users, domains and rows of one run. Nothing is shared between runs but `createSurroundings`. */
export type World = Awaited<ReturnType<typeof createWorld>>;

/**
 * A domain below another one; a member with sessions in the domain and outside of it, with every kind of link; an administrator of the upper
 * domain who has invited the member and a new user to the domain.
 */
export async function createWorld(server: TestServer, { superadmin, shut, insert }: Awaited<ReturnType<typeof createSurroundings>>) {
  const suffix = randomUUID().slice(0, 8);
  const upper = newDomain(`upper-${suffix}`);
  const domain = newDomain(`lower-${suffix}`);
  const role = { id: randomUUID(), name: `ROLE_${suffix.toUpperCase()}` };
  const users = { member: newUser(`member-${suffix}`), inviter: newUser(`inviter-${suffix}`) };
  const grants = { member: randomUUID(), inviter: randomUUID() };
  const sessions = {
    root: newSession(superadmin), // a new one, as access tokens expire during a long run
    member: newSession(users.member),
    inviter: newSession(users.inviter),
    keeper: newSession(users.member),
    inside: newSession(users.member, domain.id),
  };
  const invitation = newInvitation(server, users.member.email);
  const newUserInvitation = newInvitation(server, `new-${suffix}@example.com`);
  const former = `former-${suffix}@example.com`;
  const soon = `now() + interval '1 h'`;
  // One round trip: there are thousands of runs. Every value is generated above.
  await insert(
    [
      `insert into "Domain" (id, name, "displayName") values ('${upper.id}', '${upper.name}', 'Upper')`,
      `insert into "Domain" (id, name, "displayName", "parentId") values ('${domain.id}', '${domain.name}', 'Lower', '${upper.id}')`,
      `insert into "Role" (id, name, permissions) values ('${role.id}', '${role.name}', '{users:read}')`,
      ...Object.values(users).flatMap(({ uuid, email }) => [
        `insert into "User" (id, email, "emailKey", "displayName", "emailConfirmedAt") values ('${uuid}', '${email}', '${email}', 'Someone', now())`,
        `insert into "Password" ("userId", hash) select '${uuid}', hash from "Password" where "userId" = '${superadmin.uuid}'`,
      ]),
      `insert into "RoleGrant" (id, "userId", "roleId", "domainId") select '${grants.member}', '${users.member.uuid}', id, '${domain.id}' from "Role" where name = 'USER'`,
      `insert into "RoleGrant" (id, "userId", "roleId", "domainId") select '${grants.inviter}', '${users.inviter.uuid}', id, '${upper.id}' from "Role" where name = 'ADMIN'`,
      ...Object.values(sessions).flatMap(({ id, user, domainId, hash }) => [
        `insert into "Token" (id, kind, "userId", "domainId", "lastUsedAt", "expiresAt", "idleExpiresAt")
           values ('${id}', 'SESSION', '${user.uuid}', ${domainId ? `'${domainId}'` : 'null'}, now(), ${soon}, ${soon})`,
        `insert into "TokenSecret" (hash, "tokenId") values ('\\x${hash.toString('hex')}', '${id}')`,
      ]),
      `insert into "ReservedEmail" (email, "emailKey", "userId", "expiresAt") values ('${former}', '${former}', '${users.member.uuid}', ${soon})`,
      ...[invitation, newUserInvitation].flatMap(({ uuid, email, link }) => [
        `insert into "Invitation" (id, email, "emailKey", "roleId", "domainId", "invitedById", "expiresAt")
           values ('${uuid}', '${email}', '${email}', '${role.id}', '${domain.id}', '${users.inviter.uuid}', ${soon})`,
        `insert into "EmailLink" (id, purpose, email, "emailKey", hash, "invitationId", "expiresAt")
           values ('${link.id}', 'INVITATION', '${email}', '${email}', '\\x${link.hash.toString('hex')}', '${uuid}', ${soon})`,
      ]),
    ].join(';\n'),
  );
  return {
    server,
    root: openSession(server, sessions.root),
    shut,
    upper,
    domain,
    role,
    member: openSession(server, sessions.member),
    inviter: openSession(server, sessions.inviter),
    /** Another session of the member, by which they end what was opened by the first one. */
    keeper: openSession(server, sessions.keeper),
    inside: openSession(server, sessions.inside),
    invitation,
    newUserInvitation,
    newEmail: `changed-${suffix}@example.com`,
    grants,
    link: (purpose: LinkPurpose, email = users.member.email) => linkTo(server, purpose, email, users.member.uuid),
    former,
  };
}

function newDomain(name: string) {
  const id = randomUUID();
  return { id, name, globalId: encodeGlobalID('Domain', id) };
}

const newUser = (name: string) => ({ uuid: randomUUID(), email: `${name}@example.com` });

function newSession(user: { uuid: string; email: string }, domainId?: string) {
  const [id, refreshToken] = [randomUUID(), generateToken('refresh')];
  return { id, user, domainId, refreshToken, hash: hashToken(refreshToken) };
}

function openSession({ openSession }: TestServer, { id, user, refreshToken }: ReturnType<typeof newSession>) {
  const [now, expiresAt] = [new Date(), new Date(Date.now() + 3_600_000)];
  const issued = { id, userId: user.uuid, authenticatedAt: now, expiresAt, idleExpiresAt: expiresAt, now };
  return openSession({ ...user, refreshToken, address: uniqueAddress() }, issued);
}

function newInvitation(server: TestServer, email: string) {
  const [uuid, link] = [randomUUID(), newLink(server)];
  return { id: encodeGlobalID('Invitation', uuid), uuid, email, link, token: link.token };
}

type LinkPurpose = 'CONFIRM_EMAIL' | 'RESET_PASSWORD' | 'CHANGE_EMAIL' | 'UNDO_EMAIL_CHANGE';

function newLink({ keys }: TestServer) {
  const id = randomUUID();
  const token = deriveLinkToken(keys, id);
  return { id, token, hash: hashToken(token) };
}

/** Creates the link of an email as if it had been sent. Returns its token. */
async function linkTo(server: TestServer, purpose: LinkPurpose, email: string, userId: string) {
  const { id, token, hash } = newLink(server);
  const expiresAt = new Date(Date.now() + 3_600_000);
  await server.db.prisma.emailLink.create({ data: { id, purpose, email, emailKey: email, hash: new Uint8Array(hash), expiresAt, userId } });
  return token;
}

/** Calls a mutation with an input, as a user or anonymously. */
export function mutate({ server }: Pick<World, 'server'>, caller: TestUser | null, name: string, input: object, fields: string) {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const document = `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`;
  return (caller ? caller.query(document, { input }) : server.query(document, { input })) as Promise<Answer>;
}
