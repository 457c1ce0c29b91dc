import { sql, type Tx } from '../../database/database.ts';
import type { Domain } from '../../database/generated/prisma/client.ts';

/** Reads a domain by name and prevents its deletion until the transaction ends. */
export async function lockDomain(tx: Tx, name: string) {
  const [domain] = await tx.$queryRaw<Pick<Domain, 'id' | 'name' | 'active'>[]>(
    sql`select id::text, name, active from "Domain" where name = ${name} for key share`,
  );
  return domain;
}
