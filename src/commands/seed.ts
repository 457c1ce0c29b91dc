import { readFile } from 'node:fs/promises';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { emailKey } from '../lib/email-address.ts';
import { type Commander, superadminCommand } from './as-superadmin.ts';
import { callMutation, userIdByEmail } from './call-mutation.ts';

const grant = z.strictObject({ role: z.string(), domain: z.string().optional(), expiresAt: z.iso.datetime().optional() });
const content = z.strictObject({
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

type Seed = z.infer<typeof content>;

/**
 * Creates the roles, domains, users and grants of a YAML file that do not exist, and updates the description and permissions of roles and the
 * names and parents of domains. Prints a line per change.
 */
export const seed = superadminCommand({
  description: ['creates the roles, domains, users and grants of the file that do not exist'],
  positionals: ['file.yaml'],
  readInput: ({ positionals: [file = ''] }) => readFile(file, 'utf8'),
  async run(commander, { positionals: [file = ''] }, text) {
    const { roles, domains, users } = parseSeed(file, text);
    const changes: string[] = [];
    for (const role of roles) changes.push(...(await applyRole(commander, role)));
    for (const domain of domains) changes.push(...(await applyDomain(commander, domain)));
    for (const user of users) changes.push(...(await applyUser(commander, user)));
    return changes.length > 0 ? changes.join('\n') : 'Nothing to change.';
  },
});

/** Throws an error with the path of each fault. */
function parseSeed(file: string, text: string): Seed {
  const document = parseDocument(text);
  const [syntaxError] = document.errors;
  if (syntaxError) throw new Error(`${file}: ${syntaxError.message}`);
  const { data, error } = content.safeParse(document.toJS() ?? {});
  if (error) throw new Error(error.issues.map(({ path, message }) => `${file}: ${path.join('.') || 'root'}: ${message}`).join('\n'));
  return data;
}

async function applyRole(commander: Commander, { name, description, permissions }: Seed['roles'][number]): Promise<string[]> {
  const existing = await commander.db.prisma.role.findUnique({ where: { name } });
  const desired = JSON.stringify([description, ...permissions.toSorted()]);
  if (existing && JSON.stringify([existing.description, ...existing.permissions.toSorted()]) === desired) return [];
  if (!existing) await callMutation(commander, 'createRole', { name, description, permissions });
  else await callMutation(commander, 'updateRole', { id: encodeGlobalID('Role', existing.id), description, permissions });
  return [`role ${name} ${existing ? 'updated' : 'created'}`];
}

async function applyDomain(commander: Commander, { name, displayName = name, parent }: Seed['domains'][number]): Promise<string[]> {
  const existing = await commander.db.prisma.domain.findUnique({ where: { name }, include: { parent: true } });
  if (existing && existing.displayName === displayName && (existing.parent?.name ?? undefined) === parent) return [];
  if (!existing) await callMutation(commander, 'createDomain', { name, displayName, parent });
  else await callMutation(commander, 'updateDomain', { id: encodeGlobalID('Domain', existing.id), displayName, parent: parent ?? null });
  return [`domain ${name} ${existing ? 'updated' : 'created'}`];
}

async function applyUser(commander: Commander, { email, grants, ...profile }: Seed['users'][number]): Promise<string[]> {
  const changes: string[] = [];
  if (!(await commander.db.prisma.user.findUnique({ where: { emailKey: emailKey(email) ?? '' } }))) {
    await callMutation(commander, 'createUser', { email, ...profile });
    changes.push(`user ${email} created`);
  }
  const userId = await userIdByEmail(commander, email);
  for (const grant of grants) {
    const { changed } = await callMutation<{ changed: boolean }>(commander, 'grantRole', { userId, ...grant }, 'changed');
    if (changed) changes.push(`${email} granted ${grant.role}${grant.domain ? ` in ${grant.domain}` : ''}`);
  }
  return changes;
}
