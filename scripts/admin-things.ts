import { encodeGlobalID } from '@pothos/plugin-relay';
import { emailKey } from '../src/lib/email-address.ts';
import type { Commander } from './admin-as.ts';

/** The global id of the user with that address. Throws where there is none. */
export async function userOf({ db }: Commander, email: string): Promise<string> {
  const user = await db.prisma.user.findUnique({ where: { emailKey: emailKey(email) ?? '' }, select: { id: true } });
  if (!user) throw new Error(`No user has the address ${email}.`);
  return encodeGlobalID('User', user.id);
}

/** The global id of the role or the domain of that name. Throws where there is none. */
export async function named({ db }: Commander, type: 'Role' | 'Domain', name: string): Promise<string> {
  const where = { where: { name }, select: { id: true } };
  const found = type === 'Role' ? await db.prisma.role.findUnique(where) : await db.prisma.domain.findUnique(where);
  if (!found) throw new Error(`There is no ${type.toLowerCase()} ${name}.`);
  return encodeGlobalID(type, found.id);
}

/** Executes a mutation with that input; answers what its payload says of these fields. Throws as `ask` does. */
export async function call<Payload = unknown>(
  { ask }: Commander,
  mutation: string,
  input: object,
  fields = '__typename',
): Promise<Payload> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
  const { it } = await ask<{ it: Payload }>(`mutation ($input: ${type}!) { it: ${mutation}(input: $input) { ${fields} } }`, { input });
  return it;
}
