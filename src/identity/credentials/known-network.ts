import { type Database, interval, sql, type Tx } from '../../database/database.ts';

const knownFor = 30 * 86_400_000; // milliseconds; security.md 4.5

/**
 * True if the user has logged in from this network in the last 30 days, or has used an email link there and set or entered the password with it. Does
 * the same work without a user, so that an account that does not exist looks like one that does not know the network.
 */
export async function isKnownNetwork({ query }: Pick<Database, 'query'>, userId: string | null, network: string): Promise<boolean> {
  const since = sql`now() - ${interval(knownFor)}`;
  const [row] = await query<{ known: boolean }>(sql`
    select exists (
      select from "Token" where "userId" = ${userId}::uuid and kind = 'SESSION' and "createdFrom" = ${network} and "createdAt" > ${since}
    ) or exists (
      select from "EmailLink" where "userId" = ${userId}::uuid and "usedFrom" = ${network} and "usedAt" > ${since}
    ) as known`);
  return row?.known ?? false;
}

/** Makes the network known to the user of a link that is being used there. The caller must have set or checked the password. */
export const rememberNetwork = (tx: Tx, linkId: string, network: string) =>
  tx.emailLink.update({ where: { id: linkId }, data: { usedFrom: network } });
