import { type Sql, sql } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { profileEntries } from '../../schema/user/profile-fields.ts';

/** The user to export. */
export interface ExportedUser {
  readonly id: string;
  readonly emailKey: string;
}

/** A column is exported, is replaced by an expression over `t`, or is left out for a reason. */
type Column = true | string | ((user: ExportedUser) => Sql);

/** A model with data about users. */
export interface ExportedModel {
  /** Every column, in the order of the output. */
  readonly columns: Readonly<Record<string, Column>>;
  /** The conditions over `t` of the rows about the user, by the name of the list in the output. */
  readonly lists: Readonly<Record<string, (user: ExportedUser) => Sql>>;
}

/** A model without data about users, or whose data is left out: the reason. */
type ExcludedModel = string;

const named = { ofUser: 'that of the account', derived: 'derived from another column', secret: 'a secret' };
const internal = 'a technical position';

const ownRows = ({ id }: ExportedUser) => sql`t."userId" = ${id}::uuid`;
const roleName = () => sql`(select r.name from "Role" r where r.id = t."roleId")`;
const domainName = () => sql`(select d.name from "Domain" d where d.id = t."domainId")`;
const receivedInvitations = ({ emailKey }: ExportedUser) => sql`(select i.id from "Invitation" i where i."emailKey" = ${emailKey})`;
/** The column only if the user acted: otherwise the network and the device are those of someone else. */
const ifOwn = (column: Sql) => (user: ExportedUser) =>
  sql`case when t."actorId" is null or t."actorId" = ${user.id}::uuid then ${column} end`;

const profile = Object.fromEntries(profileEntries.map(([name]) => [name, true] as const));

/** Every model of the database: what is exported of it and what is not, with the reason. */
export const exportedModels = {
  User: {
    columns: {
      id: true,
      email: true,
      emailKey: named.derived,
      emailConfirmedAt: true,
      username: true,
      usernameKey: named.derived,
      ...profile,
      enabled: true,
      deletedAt: true,
      erasedAt: true,
      eraseAt: true,
      accessVersion: internal,
      loginCount: true,
      currentLoginAt: true,
      currentLoginFrom: true,
      lastLoginAt: true,
      lastLoginFrom: true,
      createdAt: true,
      updatedAt: true,
    },
    lists: { account: ({ id }) => sql`t.id = ${id}::uuid` },
  },
  Password: { columns: { userId: named.ofUser, hash: named.secret, updatedAt: true }, lists: { password: ownRows } },
  ReservedEmail: {
    columns: { emailKey: named.derived, email: true, userId: named.ofUser, changedAt: true, expiresAt: true },
    lists: { previousEmails: ownRows },
  },
  UserSetting: { columns: { id: true, userId: named.ofUser, key: true, value: true, updatedAt: true }, lists: { settings: ownRows } },
  RoleGrant: {
    columns: {
      id: true,
      userId: true,
      roleId: roleName,
      domainId: domainName,
      grantedById: true,
      delegable: true,
      throughId: true,
      expiresAt: true,
      createdAt: true,
    },
    lists: { grants: ownRows, grantsGiven: ({ id }) => sql`t."grantedById" = ${id}::uuid` },
  },
  Token: {
    columns: {
      id: true,
      kind: true,
      userId: named.ofUser,
      domainId: domainName,
      description: true,
      scopes: true,
      authenticatedAt: true,
      createdAt: true,
      lastUsedAt: true,
      expiresAt: true,
      idleExpiresAt: true,
      createdFrom: true,
      userAgent: true,
      revokedAt: true,
      revokedReason: true,
      rotations: true,
      recentRefreshes: true,
      refreshWindowAt: true,
      reuseAt: true,
      reuseFrom: true,
    },
    lists: { sessionsAndApiTokens: ownRows },
  },
  TokenRevocation: {
    columns: {
      id: true,
      commitId: internal,
      seq: internal,
      tokenId: true,
      kind: true,
      userId: named.ofUser,
      domainId: domainName,
      reason: true,
      initiator: true,
      actorId: true,
      revokedAt: true,
    },
    lists: { revocations: ownRows },
  },
  Invitation: {
    columns: {
      id: true,
      email: true,
      emailKey: named.derived,
      roleId: roleName,
      domainId: domainName,
      invitedById: true,
      createdAt: true,
      expiresAt: true,
      acceptedAt: true,
      revokedAt: true,
    },
    lists: {
      invitationsSent: ({ id }) => sql`t."invitedById" = ${id}::uuid`,
      invitationsReceived: ({ emailKey }) => sql`t."emailKey" = ${emailKey}`,
    },
  },
  OutboxEmail: {
    columns: {
      id: true,
      template: true,
      userId: named.ofUser,
      invitationId: true,
      emailKey: named.derived,
      address: true,
      data: 'parts of an email that is not sent yet',
      createdAt: true,
      dueAt: true,
      attempts: true,
      completedAt: true,
      outcome: true,
      error: true,
      preview: 'may contain secrets',
    },
    lists: {
      emails: (user) =>
        sql`t."userId" = ${user.id}::uuid or t."emailKey" = ${user.emailKey} or t."invitationId" in ${receivedInvitations(user)}`,
    },
  },
  EmailLink: {
    columns: {
      id: true,
      purpose: true,
      userId: named.ofUser,
      invitationId: true,
      email: true,
      emailKey: named.derived,
      hash: named.secret,
      attempts: true,
      createdAt: true,
      expiresAt: true,
      usedAt: true,
      usedFrom: true,
    },
    lists: { emailLinks: (user) => sql`t."userId" = ${user.id}::uuid or t."invitationId" in ${receivedInvitations(user)}` },
  },
  FieldRead: {
    columns: { id: true, userId: true, actorId: true, field: true, via: true, day: true, at: true },
    lists: { fieldReadsByOthers: ownRows, fieldReadsOfOthers: ({ id }) => sql`t."actorId" = ${id}::uuid` },
  },
  AuditEvent: {
    columns: {
      id: true,
      at: true,
      action: true,
      result: true,
      reason: true,
      actorId: true,
      actorTokenId: ifOwn(sql`t."actorTokenId"`),
      userId: true,
      domainId: domainName,
      targetType: true,
      targetId: true,
      network: ifOwn(sql`t.network`),
      agent: ifOwn(sql`t.agent`),
      requestId: true,
      details: true,
      chainedAt: true,
    },
    lists: {
      auditEvents: ({ id }) => sql`t."userId" = ${id}::uuid or t."actorId" = ${id}::uuid or t."targetId" = ${id}::uuid`,
    },
  },
  TokenSecret: 'hashes of secrets',
  EventReceiver: 'the position of a program in the revocation log',
  IdempotencyKey: 'hashes of requests, kept for 24 hours',
  RateLimit: 'counters under digests, kept for at most a day',
  AuditChain: 'hashes over all audit events',
  AuditAnchor: 'hashes over all audit events',
  AuditQueue: 'audit events that are not in the hash chain yet',
  RevocationCommit: internal,
  Role: 'not about users; the name is in each grant',
  Domain: 'not about users; the name is in each grant',
  Job: 'not about users',
  SigningKey: 'not about users',
  KeyInUse: 'not about users',
  MailOutage: 'not about users',
} as const satisfies Record<Prisma.ModelName, ExportedModel | ExcludedModel>;

/** The exported models with their names, and what is left out with the reason. */
export const exportedEntries = Object.entries(exportedModels as Record<string, ExportedModel | ExcludedModel>).filter(
  (entry): entry is [string, ExportedModel] => typeof entry[1] !== 'string',
);

export const exclusions: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(exportedModels as Record<string, ExportedModel | ExcludedModel>).flatMap(([model, entry]) =>
    typeof entry === 'string'
      ? [[model, entry]]
      : Object.entries(entry.columns).flatMap(([column, value]) => (typeof value === 'string' ? [[`${model}.${column}`, value]] : [])),
  ),
);
