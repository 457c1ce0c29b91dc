import { setTimeout as pause } from 'node:timers/promises';
import { type Database, sql, type Tx } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { unlessTaken } from '../../database/unless-taken.ts';
import { codeOf, requestError } from '../../errors.ts';
import { actorColumns, insertAuditEvents } from '../../identity/audit/record-event.ts';
import { hashPassword } from '../../identity/credentials/password-hash.ts';
import { lockInOrder } from '../../identity/lock-order.ts';
import type { Commander } from '../as-superadmin.ts';
import type { ImportedUser, ImportTargets } from './import-line.ts';

/** A user with the line of the file. */
export interface NumberedUser {
  readonly line: number;
  readonly user: ImportedUser;
}

/** The result of importing some users. */
export interface ImportOutcome {
  readonly imported: number;
  /** Their address has an account, perhaps from an earlier run. */
  readonly existing: number;
  /** The lines that cannot be imported now, with the reason. */
  readonly conflicts: readonly string[];
}

interface Taken {
  readonly emails: readonly string[];
  readonly reserved: readonly string[];
  readonly usernames: readonly string[];
}

/** Sorts out the users whose address or username is taken. */
export async function findTaken({ query }: Pick<Database, 'query'>, users: readonly NumberedUser[]) {
  const emails = users.map(({ user }) => user.emailKey);
  const usernames = users.flatMap(({ user }) => user.usernameKey ?? []);
  const [row] = await query<Taken>(sql`
    select array(select "emailKey"::text from "User" where "emailKey" = any(${emails}::text[])) as emails,
      array(select "emailKey"::text from "ReservedEmail" where "emailKey" = any(${emails}::text[]) and "expiresAt" > now()) as reserved,
      array(select "usernameKey"::text from "User" where "usernameKey" = any(${usernames}::text[])) as usernames`);
  const [taken, reserved, names] = [new Set(row?.emails), new Set(row?.reserved), new Set(row?.usernames)];
  const unknown = users.filter(({ user }) => !taken.has(user.emailKey));
  const conflictOf = ({ line, user }: NumberedUser) => {
    if (reserved.has(user.emailKey)) return `line ${line}: email: must not be reserved for a user who has changed their address`;
    return names.has(user.usernameKey ?? '') ? `line ${line}: username: must not be in use already` : undefined;
  };
  return {
    free: unknown.filter((one) => conflictOf(one) === undefined),
    existing: users.length - unknown.length,
    conflicts: unknown.flatMap((one) => conflictOf(one) ?? []),
  };
}

const maxAttempts = 5;
const transactionOptions = { timeout: 5 * 60_000, maxWait: 60_000 }; // milliseconds

/** Inserts users with their hashes, grants and audit events in one transaction, those that can be. */
export async function insertUsers(
  commander: Commander,
  targets: ImportTargets,
  users: readonly NumberedUser[],
  attempt = 1,
): Promise<ImportOutcome> {
  const { free, existing, conflicts } = await findTaken(commander.db, users);
  const hashes = await wrapHashes(free.map(({ user }) => user));
  const isInserted = await commander.db.prisma.$transaction(async (tx) => {
    await requireRights(tx, commander, targets, free);
    return (await unlessTaken(tx, () => insertFree(tx, commander, targets, free, hashes).then(() => true))) ?? false;
  }, transactionOptions);
  if (isInserted) return { imported: free.length, existing, conflicts };
  // A registration took an address or a username after it was found to be free.
  if (attempt === maxAttempts) throw requestError('UNAVAILABLE');
  return insertUsers(commander, targets, users, attempt + 1);
}

/** The stored hashes by address. A digest that is fast to guess is stored only inside argon2id. */
async function wrapHashes(users: readonly ImportedUser[]): Promise<Map<string, string>> {
  const stored = new Map<string, string>();
  const waiting = users.flatMap(({ emailKey, hash }) => (hash ? [{ emailKey, ...hash }] : []));
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop())
      stored.set(next.emailKey, next.wrap === undefined ? next.stored : next.stored + (await hashPatiently(next.wrap)));
  };
  await Promise.all([work(), work()]); // few, so that logins at a running server keep their turns
  return stored;
}

async function hashPatiently(text: string): Promise<string> {
  while (true) {
    try {
      return await hashPassword(text);
    } catch (error) {
      if (codeOf(error) !== 'UNAVAILABLE') throw error;
      await pause(1_000);
    }
  }
}

/** Keeps the superadmin and the domains of the grants as they are. Throws if the superadmin or a domain is no longer what it was. */
async function requireRights(tx: Tx, { actor }: Commander, { domains }: ImportTargets, users: readonly NumberedUser[]): Promise<void> {
  const named = new Set(users.flatMap(({ user }) => user.grants.flatMap(({ domain }) => domain ?? [])));
  const ids = [...named].flatMap((name) => domains.get(name) ?? []);
  await lockInOrder(tx, { users: [actor.user.id], holders: [actor.user.id], domains: ids });
  const [found] = await tx.$queryRaw<{ isSuperadmin: boolean; open: number }[]>(sql`
    select exists (
      select from "Token" t join "User" u on u.id = t."userId" join "ActiveRoleGrant" g on g."userId" = u.id join "Role" r on r.id = g."roleId"
      where t.id = ${actor.token.id}::uuid and t."revokedAt" is null and u.enabled and u."deletedAt" is null
        and r.name = 'SUPERADMIN' and g."domainId" is null
    ) as "isSuperadmin", (select count(*)::int from "Domain" where id = any(${ids}::uuid[]) and open) as open`);
  if (!found?.isSuperadmin) throw new Error('The superadmin lost the role during the import.');
  if (found.open < ids.length) throw new Error('A domain was disabled or deleted during the import.');
}

async function insertFree(
  tx: Tx,
  { actor, client }: Commander,
  { roles, domains }: ImportTargets,
  free: readonly NumberedUser[],
  hashes: ReadonlyMap<string, string>,
): Promise<void> {
  const data = free.map(({ user }) => user.columns as Prisma.UserCreateManyInput);
  const inserted = await tx.user.createManyAndReturn({ data, select: { id: true, emailKey: true } });
  const ids = new Map(inserted.map(({ id, emailKey }) => [emailKey, id]));
  const rows = free.flatMap(({ user }) => ({ ...user, id: ids.get(user.emailKey) ?? '' }));
  await tx.password.createMany({
    data: rows.flatMap(({ id: userId, emailKey }) => {
      const hash = hashes.get(emailKey);
      return hash === undefined ? [] : [{ userId, hash }];
    }),
  });
  await tx.roleGrant.createMany({
    data: rows.flatMap(({ id: userId, grants }) =>
      grants.map(({ role, domain, expiresAt = null }) => ({
        userId,
        roleId: roles.get(role) ?? '',
        domainId: domain === undefined ? null : (domains.get(domain) ?? ''),
        expiresAt,
        grantedById: actor.user.id,
      })),
    ),
  });
  const events = rows.map(({ id, grants }) => ({ id, details: { grants } }));
  await tx.$executeRaw(
    insertAuditEvents(client, {
      action: 'user_imported',
      userId: sql`event.id`,
      targetType: 'User',
      targetId: sql`event.id`,
      ...actorColumns(actor),
      details: sql`event.details`,
      from: sql`jsonb_to_recordset(${JSON.stringify(events)}::jsonb) as event (id uuid, details jsonb)`,
    }),
  );
}
