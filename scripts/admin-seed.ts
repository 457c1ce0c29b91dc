import { readFileSync } from 'node:fs';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { emailKey } from '../src/lib/email-address.ts';
import type { Commander } from './admin-as.ts';
import { call, userOf } from './admin-things.ts';

const grant = z.strictObject({ role: z.string(), domain: z.string().optional(), expiresAt: z.iso.datetime().optional() });
const seed = z.strictObject({
  roles: z
    .array(
      z.strictObject({ name: z.string(), description: z.string().nullable().default(null), permissions: z.array(z.string()).default([]) }),
    )
    .default([]),
  domains: z.array(z.strictObject({ name: z.string(), displayName: z.string().optional(), parent: z.string().optional() })).default([]),
  users: z
    .array(
      z.strictObject({
        email: z.string(),
        displayName: z.string().optional(),
        firstName: z.string().optional(),
        lastName: z.string().optional(),
        locale: z.string().optional(),
        grants: z.array(grant).default([]),
      }),
    )
    .default([]),
});

type Seed = z.infer<typeof seed>;

/**
 * Makes the roles, domains, users and grants that a YAML file names, as far as they are not there; what is there stays, but the description
 * and the permissions of roles, and the names of domains, which become those of the file. Answers a line for each change: none the second time.
 */
export async function plant(commander: Commander, file: string): Promise<string[]> {
  const { roles, domains, users } = read(file);
  const lines: string[] = [];
  for (const role of roles) lines.push(...(await plantRole(commander, role)));
  for (const domain of domains) lines.push(...(await plantDomain(commander, domain)));
  for (const user of users) lines.push(...(await plantUser(commander, user)));
  return lines;
}

/** Throws an error that names the place of each fault. */
function read(file: string): Seed {
  const document = parseDocument(readFileSync(file, 'utf8'));
  const [broken] = document.errors;
  if (broken) throw new Error(`${file}: ${broken.message}`);
  const { data, error } = seed.safeParse(document.toJS() ?? {});
  if (error) throw new Error(error.issues.map(({ path, message }) => `${file}: ${path.join('.') || 'the whole'}: ${message}`).join('\n'));
  return data;
}

async function plantRole(commander: Commander, { name, description, permissions }: Seed['roles'][number]): Promise<string[]> {
  const found = await commander.db.prisma.role.findUnique({ where: { name } });
  const wanted = JSON.stringify([description, ...permissions.toSorted()]);
  if (found && JSON.stringify([found.description, ...found.permissions.toSorted()]) === wanted) return [];
  if (!found) await call(commander, 'createRole', { name, description, permissions });
  else await call(commander, 'updateRole', { id: encodeGlobalID('Role', found.id), description, permissions });
  return [`role ${name} ${found ? 'changed' : 'made'}`];
}

async function plantDomain(commander: Commander, { name, displayName = name, parent }: Seed['domains'][number]): Promise<string[]> {
  const found = await commander.db.prisma.domain.findUnique({ where: { name }, include: { parent: true } });
  if (found && found.displayName === displayName && (found.parent?.name ?? undefined) === parent) return [];
  if (!found) await call(commander, 'createDomain', { name, displayName, parent });
  else await call(commander, 'updateDomain', { id: encodeGlobalID('Domain', found.id), displayName, parent: parent ?? null });
  return [`domain ${name} ${found ? 'changed' : 'made'}`];
}

async function plantUser(commander: Commander, { email, grants, ...profile }: Seed['users'][number]): Promise<string[]> {
  const lines: string[] = [];
  if (!(await commander.db.prisma.user.findUnique({ where: { emailKey: emailKey(email) ?? '' } }))) {
    await call(commander, 'createUser', { email, ...profile });
    lines.push(`user ${email} made`);
  }
  const userId = await userOf(commander, email);
  for (const grant of grants) {
    const { changed } = await call<{ changed: boolean }>(commander, 'grantRole', { userId, ...grant }, 'changed');
    if (changed) lines.push(`${email} granted ${grant.role}${grant.domain ? ` in ${grant.domain}` : ''}`);
  }
  return lines;
}
