import type { Prisma } from '../../database/generated/prisma/client.ts';

/** The condition on grants that have not expired at that time. */
export const whereActive = (now: Date) => ({ OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] }) satisfies Prisma.RoleGrantWhereInput;
