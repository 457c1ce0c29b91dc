import { createHmac } from 'node:crypto';
import { type Database, sql } from '../../../database/database.ts';
import { readForeignHash } from './foreign-hash.ts';

/** Chooses what is verified for a login name without an account or without a password. */
export interface DecoyHashes {
  /** Undefined for a current hash. */
  choose(name: string): Promise<string | undefined>;
}

interface Sample {
  readonly total: number;
  readonly foreign: readonly string[];
}

const maxAge = 60_000; // milliseconds
const maxPages = 200; // of the table, about 8,000 hashes

/**
 * A foreign hash takes another time than a current one. So an unknown name is given the format of a foreign hash with the same probability as an
 * account has one, and always the same for the same name, as an account does: then the time reveals nothing (security.md 3.2). The names that are
 * given foreign formats become fewer as the accounts with foreign hashes log in.
 */
export function createDecoyHashes(db: Pick<Database, 'query'>, key: Buffer): DecoyHashes {
  let sample: Sample = { total: 0, foreign: [] };
  let refreshing: Promise<void> | undefined;
  let staleAt = 0;
  const refresh = async () => {
    sample = await readSample(db);
    staleAt = performance.now() + maxAge;
  };
  return {
    async choose(name) {
      if (performance.now() >= staleAt)
        refreshing ??= refresh()
          .catch(() => {}) // the previous sample, until a statement succeeds
          .finally(() => {
            refreshing = undefined;
          });
      if (staleAt === 0) await refreshing;
      const { total, foreign } = sample;
      const place = createHmac('sha256', key).update(name).digest().readUIntBE(0, 6) / 2 ** 48;
      return foreign[Math.floor(place * total)];
    },
  };
}

async function readSample({ query }: Pick<Database, 'query'>): Promise<Sample> {
  const [row] = await query<{ total: number; foreign: string[] }>(sql`
    select count(*)::int as total, coalesce(array_agg(hash order by hash) filter (where hash !~ ${currentPattern}), '{}') as foreign
    from "Password" tablesample system (
      (select least(100, 100.0 * ${maxPages} / greatest(1, pg_relation_size('"Password"') / 8192))::real))`);
  return { total: row?.total ?? 0, foreign: row?.foreign.filter(readForeignHash) ?? [] };
}

const currentPattern = '^\\$argon2id\\$v=19\\$m=19456,t=2,p=1\\$';
