import { encodeGlobalID } from '@pothos/plugin-relay';
import { emailKey } from '../lib/email-address.ts';
import type { Commander } from './as-superadmin.ts';

/** The user with that address. Throws if there is none. */
export async function findUserByEmail(
  { db }: Pick<Commander, 'db'>,
  email: string,
): Promise<{ readonly id: string; readonly emailKey: string }> {
  const user = await db.prisma.user.findUnique({ where: { emailKey: emailKey(email) ?? '' }, select: { id: true, emailKey: true } });
  if (!user) throw new Error(`No user has the email address ${email}.`);
  return user;
}

/** The global id of that user. */
export const userIdByEmail = async (commander: Commander, email: string): Promise<string> =>
  encodeGlobalID('User', (await findUserByEmail(commander, email)).id);

/** The global id of the role or domain with that name. Throws if there is none. */
export async function nodeIdByName({ db }: Commander, type: 'Role' | 'Domain', name: string): Promise<string> {
  const where = { where: { name }, select: { id: true } };
  const row = type === 'Role' ? await db.prisma.role.findUnique(where) : await db.prisma.domain.findUnique(where);
  if (!row) throw new Error(`There is no ${type.toLowerCase()} named ${name}.`);
  return encodeGlobalID(type, row.id);
}

/** Executes a mutation and returns these fields of its payload. Throws like `query`. */
export async function callMutation<Payload = unknown>(
  { query }: Commander,
  mutation: string,
  input: object,
  fields = '__typename',
): Promise<Payload> {
  const inputType = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
  const document = `mutation ($input: ${inputType}!) { payload: ${mutation}(input: $input) { ${fields} } }`;
  const { payload } = await query<{ payload: Payload }>(document, { input });
  return payload;
}
