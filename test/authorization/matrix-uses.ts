import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { any, type Rule } from '../../src/authorization/rules/rule.ts';
import type { EmailLinkPurpose } from '../../src/database/generated/prisma/client.ts';
import { generateToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import { domainAdmin, outranks, superadmin } from '../../src/policy/conditions.ts';
import type { Model } from '../../src/policy/models.ts';
import type { TestUser } from '../test-server.ts';
import { ruleOf } from './access.ts';
import type { Persona, Row, Seen, Subject } from './matrix-truth.ts';
import { heldBySubject, type SeededMatrix, session } from './matrix-world.ts';

/** What one cell is run with: a fresh target, the input that names it, and who asks, where not the caller in person. */
export interface Arranged {
  readonly input?: object;
  /** The row that the mutation's rule is about. */
  readonly row?: Seen;
  /** What the fields of the payload show. */
  readonly shows?: Row['shows'];
  readonly caller?: TestUser | undefined;
}

/** One way to use a mutation. */
export interface Use {
  readonly mutation: string;
  /** What is special about this use. */
  readonly as: string;
  /** Whether it is tried on every subject. */
  readonly onUsers: boolean;
  /** What this input asks for besides the mutation's rule. */
  readonly needs?: Rule;
  /** The field of the input whose rule that is. */
  readonly place?: string;
  readonly provedLongAgo?: true;
  readonly neverOneself?: true;
  arrange(cell: Cell): Promise<Arranged>;
}

export interface Cell {
  readonly matrix: SeededMatrix;
  readonly persona: Persona;
  readonly subject: Subject;
}

export const unique = () => randomUUID().slice(0, 8);

/** The same person in another session, which the mutation may end; for nobody, nobody. */
export async function elsewhere({ matrix, persona, subject }: Cell): Promise<TestUser | undefined> {
  const caller = matrix.caller(persona, subject);
  return caller && matrix.newSession(caller);
}

/** Somebody like the subject; the subject itself where it asks. */
async function target({ matrix, persona, subject }: Cell): Promise<string> {
  if (persona === 'self') return matrix.selves.get(subject)?.uuid ?? '';
  const email = `${randomUUID()}@example.com`;
  const { id } = await matrix.db.prisma.user.create({ data: { email, emailKey: email } });
  const [role, domain] = heldBySubject[subject];
  await matrix.grant(id, role, domain);
  await matrix.db.prisma.roleGrant.create({ data: { userId: id, roleId: matrix.role, domainId: matrix.domains.inside ?? null } });
  return id;
}

export const onUser = (mutation: string, use: Partial<Use>, input: (userId: string, cell: Cell) => object | Promise<object>): Use => ({
  mutation,
  as: '',
  onUsers: true,
  ...use,
  arrange: async (cell) => {
    const userId = await target(cell);
    const row = { type: 'User', kind: cell.subject } as const;
    return { input: await input(encodeGlobalID('User', userId), cell), row, shows: { changes: null } };
  },
});

/** Something that a target has. */
export const onThing = (
  mutation: string,
  as: string,
  type: string,
  make: (userId: string, cell: Cell) => Promise<{ id: string }>,
  { isElsewhere = false, input = {} }: { isElsewhere?: boolean; input?: object } = {},
): Use => ({
  mutation,
  as,
  onUsers: true,
  arrange: async (cell) => {
    const { id } = await make(await target(cell), cell);
    const kind = isElsewhere && cell.subject === 'user' ? 'user, elsewhere' : cell.subject;
    return { input: { id: encodeGlobalID(type, id), ...input }, row: { type, kind }, shows: { token: { type, kind } } };
  },
});

/** Something of those that a user has by the table `kept`. */
export const onKept = (mutation: string, model: Model, input: object = {}): Use => ({
  mutation,
  as: '',
  onUsers: true,
  arrange: async (cell) => {
    const row = await cell.matrix.keep(model, cell.subject, await target(cell));
    return { input: { id: row.id, ...input }, row };
  },
});

/** A use of a mutation that is about nothing of somebody else's. */
export const plain = (mutation: string, arrange: Use['arrange'], use: Partial<Use> = {}): Use => ({
  mutation,
  as: '',
  onUsers: false,
  ...use,
  arrange,
});

export const onRole = (mutation: string): Use =>
  plain(mutation, async ({ matrix }) => {
    const { id } = await matrix.db.prisma.role.create({ data: { name: `R_${unique().toUpperCase()}` } });
    return { input: { id: encodeGlobalID('Role', id) }, row: { type: 'Role', kind: 'other role' } };
  });

export const onDomain = (mutation: string, as: string, change: object, place?: string): Use =>
  plain(
    mutation,
    async ({ matrix }) => {
      const name = `d-${unique()}`;
      const { id } = await matrix.db.prisma.domain.create({ data: { name, displayName: name, parentId: matrix.domains.inside ?? null } });
      return { input: { id: encodeGlobalID('Domain', id), ...change }, row: { type: 'Domain', kind: 'active domain' } };
    },
    { as, ...(place && { place, needs: ruleOf(place) }) },
  );

/** A custom role of its own for each cell, so that nothing is granted twice. */
export const newRole = async ({ matrix }: Cell, ...permissions: string[]) =>
  (await matrix.db.prisma.role.create({ data: { name: `R_${unique().toUpperCase()}`, permissions } })).name;

/** Who grants by own authority: not who passes on an own grant. */
export const authority = any(domainAdmin, outranks, superadmin);

export const token = (userId: string, { matrix }: Cell, more: object) =>
  matrix.db.prisma.token.create({ data: { ...session(userId), ...more } });

/** What an invitation to the domain promises, by the superadmin. */
export const promised = ({ matrix }: Cell) => ({
  roleId: matrix.role,
  domainId: matrix.domains.inside ?? null,
  invitedById: matrix.caller('superadmin')?.uuid ?? '',
});

/** The token of a link that was mailed to somebody: to the address that they have or, where another one is said, want or had. */
export async function linkOf({ matrix }: Cell, purpose: EmailLinkPurpose, other?: string): Promise<string> {
  const { uuid: userId, email } = await matrix.user();
  const address = other ?? email;
  const token = generateToken('link');
  const expiresAt = new Date(Date.now() + 3_600_000);
  await matrix.db.prisma.emailLink.create({
    data: { id: randomUUID(), purpose, userId, email: address, emailKey: address, hash: hashToken(token), expiresAt },
  });
  if (purpose === 'UNDO_EMAIL_CHANGE')
    await matrix.db.prisma.reservedEmail.create({ data: { emailKey: address, email: address, userId, expiresAt } });
  return token;
}
