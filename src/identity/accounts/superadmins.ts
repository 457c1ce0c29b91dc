import { sql, type Tx } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { whereActive } from '../grants/active-grants.ts';

/** The users who can act as superadmins at that time of the database: enabled, with an active global grant of SUPERADMIN. */
export const whereSuperadmin = (now: Date) =>
  ({
    enabled: true,
    deletedAt: null,
    grants: { some: { role: { name: 'SUPERADMIN' }, domainId: null, ...whereActive(now) } },
  }) satisfies Prisma.UserWhereInput;

/** Serializes the transactions that create the first superadmin or remove superadmins: each waits for the one before it and sees its changes. */
export const lockSuperadmins = (tx: Tx) => tx.$queryRaw(sql`select 1 from "Role" where name = 'SUPERADMIN' for no key update`);
