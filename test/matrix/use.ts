import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { any, type Rule } from '../../src/authorization/rules/rule.ts';
import type { EmailLinkPurpose } from '../../src/database/generated/prisma/client.ts';
import { generateToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import { domainAdmin, outranks, superadmin } from '../../src/policy/conditions.ts';
import type { Model } from '../../src/policy/models.ts';
import { ruleOf } from '../authorization/access.ts';
import type { TestUser } from '../test-server.ts';
import type { Persona, Row, RowRef, Subject } from './personas.ts';
import { type Matrix, roleOfSubject, sessionRow } from './seed.ts';

/** One way to use a mutation, tried by every persona. */
export interface MutationUse {
  readonly mutation: string;
  /** What distinguishes this use from the others of the same mutation. */
  readonly label: string;
  /** True if it is tried on every subject. */
  readonly onUsers: boolean;
  /** What this input requires beyond the rule of the mutation. */
  readonly needs?: Rule;
  /** The input field whose rule `needs` is. */
  readonly inputField?: string;
  /** The caller has not authenticated recently. */
  readonly notFresh?: true;
  readonly notOnOneself?: true;
  /** The personas use it one after the other, because it changes what the others meet. */
  readonly oneByOne?: true;
  prepare(context: UseContext): Promise<PreparedUse>;
}

export interface UseContext {
  readonly matrix: Matrix;
  readonly persona: Persona;
  readonly subject: Subject;
}

/** A fresh target, the input that names it, and the caller if that is not the persona's usual session. */
export interface PreparedUse {
  readonly input?: object;
  /** The row that the rule of the mutation is applied to. */
  readonly row?: RowRef;
  /** The rows that the fields of the payload lead to. */
  readonly shows?: Row['shows'];
  readonly caller?: TestUser | undefined;
  /** Undoes what later uses must not meet. */
  undo?(): Promise<unknown>;
}

export const unique = () => randomUUID().slice(0, 8);
export const newEmail = () => `${randomUUID()}@example.com`;

/** A use without a target. */
export const plain = (mutation: string, prepare: MutationUse['prepare'], options: Partial<MutationUse> = {}): MutationUse => ({
  mutation,
  label: '',
  onUsers: false,
  ...options,
  prepare,
});

/** A use on a user. */
export const onUser = (
  mutation: string,
  options: Partial<MutationUse>,
  inputFor: (userId: string, context: UseContext) => object | Promise<object>,
): MutationUse => ({
  mutation,
  label: '',
  onUsers: true,
  ...options,
  prepare: async (context) => {
    const userId = await createTarget(context);
    const row = { type: 'User', kind: context.subject } as const;
    return { input: await inputFor(encodeGlobalID('User', userId), context), row, shows: { changes: null } };
  },
});

/** A use on a token of a user. Platform administrators alone reach a token that is not of the domain. */
export const onToken = (mutation: string, label: string, isOfDomain: boolean, more: object = {}, input: object = {}): MutationUse => ({
  mutation,
  label,
  onUsers: true,
  prepare: async (context) => {
    const { matrix, subject } = context;
    const userId = await createTarget(context);
    const { id } = await matrix.db.prisma.token.create({ data: { ...sessionRow(userId), ...more } });
    const ref = { type: 'Token', kind: !isOfDomain && subject === 'user' ? 'user, elsewhere' : subject } as const;
    return { input: { id: encodeGlobalID('Token', id), ...input }, row: ref, shows: { token: ref } };
  },
});

/** A use on a row that belongs to a user by the ownership table. */
export const onOwned = (mutation: string, model: Model, input: object = {}, idField = 'id'): MutationUse => ({
  mutation,
  label: '',
  onUsers: true,
  prepare: async (context) => {
    const row = await context.matrix.createOwned(model, context.subject, await createTarget(context));
    return { input: { [idField]: row.id, ...input }, row };
  },
});

export const onRole = (mutation: string, input: object = {}): MutationUse =>
  plain(mutation, async ({ matrix }) => {
    const { id } = await matrix.db.prisma.role.create({ data: { name: `R_${unique().toUpperCase()}` } });
    return { input: { id: encodeGlobalID('Role', id), ...input }, row: { type: 'Role', kind: 'other role' } };
  });

/** A use on a child of the domain. `inputField` is the field whose rule this input requires as well. */
export const onDomain = (mutation: string, label: string, input: object, inputField?: string): MutationUse =>
  plain(
    mutation,
    async ({ matrix }) => {
      const name = `d-${unique()}`;
      const { id } = await matrix.db.prisma.domain.create({ data: { name, displayName: name, parentId: matrix.domains.inside ?? null } });
      return { input: { id: encodeGlobalID('Domain', id), ...input }, row: { type: 'Domain', kind: 'active domain' } };
    },
    { label, ...(inputField && { inputField, needs: ruleOf(inputField) }) },
  );

/** A new user of the subject's kind; the subject itself if the persona is `self`. */
async function createTarget({ matrix, persona, subject }: UseContext): Promise<string> {
  if (persona === 'self') return matrix.subjectUsers.get(subject)?.uuid ?? '';
  const email = newEmail();
  const { id } = await matrix.db.prisma.user.create({ data: { email, emailKey: email } });
  const [role, domain] = roleOfSubject[subject];
  await matrix.grant(id, role, domain);
  await matrix.db.prisma.roleGrant.create({ data: { userId: id, roleId: matrix.role, domainId: matrix.domains.inside ?? null } });
  return id;
}

/** Another session of the persona, which the mutation may revoke; undefined for anonymous. */
export async function newSessionOf({ matrix, persona, subject }: UseContext): Promise<TestUser | undefined> {
  const caller = matrix.caller(persona, subject);
  return caller && matrix.newSession(caller);
}

/** Takes the role from all superadmins. `undo` gives it back to them, and takes it from users who have got it meanwhile. */
export async function withoutSuperadmins({ prisma }: Matrix['db']) {
  const { id: roleId } = await prisma.role.findUniqueOrThrow({ where: { name: 'SUPERADMIN' } });
  const { id: parkedId } = await prisma.role.create({ data: { name: `PARKED_${unique().toUpperCase()}` } });
  await prisma.roleGrant.updateMany({ where: { roleId, domainId: null }, data: { roleId: parkedId } });
  const undo = async () => {
    await prisma.roleGrant.deleteMany({ where: { roleId, domainId: null } });
    await prisma.roleGrant.updateMany({ where: { roleId: parkedId }, data: { roleId } });
    await prisma.role.delete({ where: { id: parkedId } });
  };
  return { undo };
}

/** A custom role that no other use grants. */
export const newRole = async ({ matrix }: UseContext, ...permissions: string[]) =>
  (await matrix.db.prisma.role.create({ data: { name: `R_${unique().toUpperCase()}`, permissions } })).name;

/** Met by callers who grant by their own authority and not by a delegable grant. */
export const directAuthority = any(domainAdmin, outranks, superadmin);

/** An invitation to the domain by the superadmin. */
export const invitationData = ({ matrix }: UseContext) => ({
  roleId: matrix.role,
  domainId: matrix.domains.inside ?? null,
  invitedById: matrix.caller('superadmin')?.uuid ?? '',
});

/** The token of an email link of a new user; the link concerns `address` if that is given, for example a new email address. */
export async function emailLinkToken({ matrix }: UseContext, purpose: EmailLinkPurpose, address?: string): Promise<string> {
  const { uuid: userId, email } = await matrix.user();
  const concerned = address ?? email;
  const token = generateToken('link');
  const expiresAt = new Date(Date.now() + 3_600_000);
  await matrix.db.prisma.emailLink.create({
    data: { id: randomUUID(), purpose, userId, email: concerned, emailKey: concerned, hash: hashToken(token), expiresAt },
  });
  if (purpose === 'UNDO_EMAIL_CHANGE')
    await matrix.db.prisma.reservedEmail.create({ data: { emailKey: concerned, email: concerned, userId, expiresAt } });
  return token;
}
