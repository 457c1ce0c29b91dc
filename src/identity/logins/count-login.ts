import { type Database, type Sql, sql } from '../../database/database.ts';
import { preparedStatement } from '../../database/prepared-statement.ts';
import { type Counted, countingTables } from '../credentials/count-attempt.ts';
import { type Caller, type CountedGuess, toGuess } from '../credentials/rate-limit.ts';
import { entriesOf, loginKeys } from '../credentials/rate-limit-keys.ts';
import { entryVersion } from '../grants/entry-version.ts';

/** An account as a login finds it. */
export interface LoginAccount {
  readonly id: string;
  readonly emailKey: string;
  readonly hash: string | null;
  readonly accessVersion: number;
  readonly enabled: boolean;
  readonly confirmed: boolean;
  /** The domain to log in to, if it is active and the user may enter it. */
  readonly domainId: string | null;
  /** The version of the grants that let the user enter it. */
  readonly entryVersion: string | null;
}

/** What a login names: the text given as the email address or username, its key if it can be one, and the domain. */
export interface LoginName {
  readonly text: string;
  readonly key: string | undefined;
  readonly domain: string | null;
}

/** A guess at the password of an account, which is undefined if there is none. */
export interface LoginAttempt extends CountedGuess {
  readonly account: LoginAccount | undefined;
}

/** Counts a guess like `consumeGuess`, and finds the account like `findLoginAccount`, in one statement. */
export async function countLogin(caller: Caller, { text, key, domain }: LoginName): Promise<LoginAttempt> {
  const entries = entriesOf(loginKeys(key ?? text, caller.client.network));
  const values = { keys: entries.map((entry) => entry.key), subjects: entries.map(({ subject }) => subject), name: key ?? null, domain };
  const [found] = await caller.db.query<{ counted: Counted[]; account: LoginAccount | null }>(countThenFind(values));
  const { counted, account } = found ?? { counted: [], account: null };
  const guess = await toGuess(caller, counted, entries[counted.length]);
  return { ...guess, account: account ?? undefined };
}

/** Finds the account, unless it is deleted, and the domain, if the user may enter it. */
export async function findLoginAccount({ query }: Pick<Database, 'query'>, { key, domain }: LoginName): Promise<LoginAccount | undefined> {
  const [account] = await query<LoginAccount>(accountWith({ name: key ?? null, domain }));
  return account;
}

interface AccountName {
  readonly name: string | null;
  readonly domain: string | null;
}

interface AttemptValues extends AccountName {
  readonly keys: readonly string[];
  readonly subjects: readonly (string | null)[];
}

const loginLimits = entriesOf(loginKeys('', '')).map(({ name }) => name);

const countThenFind = preparedStatement<AttemptValues>('login', (values) => {
  const { keys, subjects } = values;
  const element = (array: readonly (string | null)[], index: number) => sql`(${array}::text[])[${index + 1}::int]`;
  const entries = loginLimits.map((name, index) => ({ name, key: element(keys, index), subject: element(subjects, index) }));
  return sql`
    with ${countingTables(entries)}, account as (${accountWith(values)})
    select (select coalesce(json_agg(counted), '[]') from counted) as counted, (select row_to_json(account) from account) as account`;
});

const accountWith = ({ name, domain }: AccountName): Sql => sql`
  select u.id::text, u."emailKey", p.hash, u."accessVersion", u.enabled, u."emailConfirmedAt" is not null as confirmed,
    case when entry.version is not null then entry.id end as "domainId", entry.version as "entryVersion"
  from "User" u left join "Password" p on p."userId" = u.id left join lateral (
    select d.id::text, ${entryVersion(sql`u.id`, sql`d.id`)} as version from "Domain" d where d.name = ${domain}
  ) entry on true
  where (u."emailKey" = ${name} or u."usernameKey" = ${name}) and u."deletedAt" is null`;
