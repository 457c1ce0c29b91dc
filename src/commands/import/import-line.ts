import { z } from 'zod';
import { loginIdentifier, username } from '../../identity/accounts/username.ts';
import { readImportedHash } from '../../identity/credentials/foreign-hashes/imported-hash.ts';
import { emailKey, storedEmail } from '../../lib/email-address.ts';
import { parseJson } from '../../lib/parse-json.ts';
import { timestamp } from '../../lib/validators.ts';
import { profileEntries } from '../../schema/user/profile-fields.ts';
import { profileChanges } from '../../schema/user/profile-input.ts';

/** The roles and domains that the grants of a line may name, and the time of the database. */
export interface ImportTargets {
  readonly now: Date;
  /** The grants of a line without `grants`. */
  readonly defaultGrants: readonly ImportedGrant[];
  readonly roles: ReadonlyMap<string, string>;
  /** The domains that are open. */
  readonly domains: ReadonlyMap<string, string>;
}

interface ImportedGrant {
  readonly role: string;
  readonly domain?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

/** A user as they are inserted. */
export interface ImportedUser {
  readonly emailKey: string;
  readonly usernameKey: string | null;
  readonly columns: Readonly<Record<string, unknown>> & { readonly email: string; readonly emailKey: string };
  /** The stored form of the hash. If there is a digest to wrap, its argon2id hash is missing. */
  readonly hash: { readonly stored: string; readonly wrap?: string } | undefined;
  readonly grants: readonly ImportedGrant[];
}

const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2024-05-01T12:00:00Z' })
  .transform((text) => new Date(text))
  .pipe(timestamp);

const line = z.strictObject({
  email: z.string(),
  emailConfirmed: z.boolean().default(false),
  username: z.string().pipe(username).nullish(),
  ...Object.fromEntries(profileEntries.map(([name, { validate }]) => [name, (validate as unknown as z.ZodType).nullish()])),
  passwordHash: z.string().nullish(),
  createdAt: time.optional(),
  enabled: z.boolean().default(true),
  grants: z.array(z.strictObject({ role: z.string(), domain: z.string().nullish(), expiresAt: time.nullish() })).optional(),
});

/** Reads a line. Returns its faults, each with the field, if it is not acceptable. They never repeat a value. */
export function readImportLine(text: string, targets: ImportTargets): ImportedUser | string[] {
  const content = parseJson(text);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return ['must be a JSON object'];
  const { data, error } = line.safeParse(content);
  if (error) return error.issues.map(describeIssue);
  const { email, emailConfirmed, username: name, passwordHash, createdAt, enabled, grants, ...profile } = data;
  const key = emailKey(email);
  const hash = passwordHash == null ? undefined : readImportedHash(passwordHash);
  const given = grants?.map(({ role, domain, expiresAt }) => ({ role, domain: domain ?? undefined, expiresAt: expiresAt ?? undefined }));
  const all = given ?? targets.defaultGrants;
  const faults = [
    ...(key === undefined ? ['email: must be a valid email address'] : []),
    ...(hash && 'fault' in hash ? [`passwordHash: ${hash.fault}`] : []),
    ...(createdAt && createdAt > targets.now ? ['createdAt: must not be in the future'] : []),
    ...all.flatMap((grant, index) => grantFaults(grant, targets).map((fault) => `grants.${index}.${fault}`)),
    ...(new Set(all.map(({ role, domain }) => `${role} ${domain ?? ''}`)).size < all.length ? ['grants: must be unique'] : []),
  ];
  if (key === undefined || faults.length > 0 || (hash && 'fault' in hash)) return faults;
  const identifier = loginIdentifier(name);
  return {
    emailKey: key,
    usernameKey: identifier.usernameKey,
    columns: {
      ...profileChanges(profile),
      ...identifier,
      email: storedEmail(email),
      emailKey: key,
      emailConfirmedAt: emailConfirmed ? targets.now : null,
      enabled,
      ...(createdAt && { createdAt }),
    },
    hash,
    grants: all,
  };
}

function grantFaults({ role, domain, expiresAt }: ImportedGrant, { now, roles, domains }: ImportTargets): string[] {
  return [
    ...(roles.has(role) ? [] : ['role: must be an existing role']),
    ...(domain === undefined || domains.has(domain) ? [] : ['domain: must be an existing and active domain']),
    ...(role === 'SUPERADMIN' && domain !== undefined ? ['domain: must be omitted for SUPERADMIN'] : []),
    ...(expiresAt && expiresAt <= now ? ['expiresAt: must be in the future'] : []),
  ];
}

const maxNameLength = 40;

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .map((name) => `${[...issue.path, name.slice(0, maxNameLength)].join('.')}: must be omitted, it is not known`)
      .join('; ');
  return `${issue.path.join('.')}: ${issue.code === 'invalid_type' ? `must be ${issue.expected}` : issue.message}`;
}
