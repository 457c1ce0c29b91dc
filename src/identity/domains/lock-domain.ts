import { sql, type Tx } from '../../database/database.ts';
import type { Domain } from '../../database/generated/prisma/client.ts';

type LockedDomain = Pick<Domain, 'id' | 'name' | 'open'>;

/** Keeps the domain and those above it as they are until the transaction ends: they are not disabled, moved or deleted meanwhile. */
const lockDomainPath = (tx: Tx, id: string) => tx.$queryRaw(sql`select lock_domain_path(${id}::uuid)::text`);

/** Finds a domain by name and locks its path. Undefined if there is none. */
export async function lockDomain(tx: Tx, name: string): Promise<LockedDomain | undefined> {
  const id = await findId(tx, name);
  if (!id) return undefined;
  await lockDomainPath(tx, id);
  const [domain] = await tx.$queryRaw<LockedDomain[]>(sql`select id::text, name, open from "Domain" where id = ${id}::uuid`);
  return domain;
}

/** The id of a domain that the user may enter: undefined if there is none of that name, or if they may not. Keeps that true until the transaction ends. */
export async function lockDomainEntry(tx: Tx, userId: string, name: string): Promise<string | undefined> {
  const id = await findId(tx, name);
  if (!id) return undefined;
  const [entry] = await tx.$queryRaw<{ allowed: boolean }[]>(sql`select lock_domain_entry(${userId}::uuid, ${id}::uuid) as allowed`);
  return entry?.allowed ? id : undefined;
}

/** The id of a domain, as a list to lock; empty if there is none of that name. */
export async function domainIds(tx: Tx, name: string | null | undefined): Promise<string[]> {
  const id = name == null ? undefined : await findId(tx, name);
  return id ? [id] : [];
}

async function findId(tx: Tx, name: string): Promise<string | undefined> {
  const [domain] = await tx.$queryRaw<Pick<Domain, 'id'>[]>(sql`select id::text from "Domain" where name = ${name}`);
  return domain?.id;
}
