import type { Config } from '../../config.ts';
import { maxClockOffset, measureClockOffset } from '../../database/clock-offset.ts';
import { type Database, sql } from '../../database/database.ts';
import { compareMigrations, readAppliedMigrations } from '../../database/migrate.ts';
import { readUnfinishedRestore } from '../../database/unfinished-restore.ts';
import { type Finding, runCheck } from './finding.ts';

type Query = Pick<Database, 'query'>;

/** Checks the clock, the migrations and, unless the tables are those of another version, what is stored. Changes nothing. */
export async function checkContent(db: Query, config: Config, checkKeys: () => Promise<Finding[]>): Promise<Finding[]> {
  const clock = await checkClock(db);
  const migrations = await checkMigrations(db);
  if (migrations.some(({ status }) => status !== 'ok')) return [...clock, ...migrations];
  const checks = [checkKeys, () => checkAccounts(db, config), () => checkAudit(db), () => checkOutbox(db), () => checkJobs(db)];
  const findings = [...clock, ...migrations];
  for (const check of checks) findings.push(...(await check()));
  return findings;
}

const checkClock = (db: Query) =>
  runCheck('clock', async ({ ok, problem }) => {
    const offset = await measureClockOffset(db);
    if (Math.abs(offset) <= maxClockOffset) return ok('agrees with that of the database');
    const seconds = Math.round(Math.abs(offset) / 1_000);
    problem(
      `this machine is ${seconds} seconds ${offset > 0 ? 'ahead of' : 'behind'} the database, so a server is not ready; synchronize both`,
    );
  });

const checkMigrations = (db: Query) =>
  runCheck('migrations', async ({ ok, warning, problem }) => {
    const query = <Row>(text: string, values: unknown[]) => db.query<Row>({ text, values });
    const restore = await readUnfinishedRestore(query);
    if (restore) return problem(restore);
    const applied = await readAppliedMigrations(query);
    if (!applied) return warning('the database has no tables of Fieldgate yet; the first start creates them');
    const { pending, unknown } = compareMigrations(applied);
    if (unknown.length > 0)
      return problem(`this version does not know ${unknown.join(', ')}; start the version that applied it, or a newer one`);
    if (pending.length === 0) return ok('all are applied');
    warning(`the next start applies ${pending.join(', ')}; back up the database first`);
  });

const checkAccounts = (db: Query, { DEFAULT_ROLE, DEFAULT_DOMAIN }: Config) =>
  runCheck('accounts', async ({ ok, problem }) => {
    const [row] = await db.query<{ superadmins: number; hasRole: boolean; hasDomain: boolean }>(sql`
      select (select count(distinct u.id)::int from "User" u join "ActiveRoleGrant" g on g."userId" = u.id join "Role" r on r.id = g."roleId"
          where u.enabled and u."deletedAt" is null and r.name = 'SUPERADMIN' and g."domainId" is null) as superadmins,
        exists (select from "Role" where name = ${DEFAULT_ROLE}) as "hasRole",
        ${DEFAULT_DOMAIN ?? null}::text is null or exists (select from "Domain" where name = ${DEFAULT_DOMAIN ?? null}) as "hasDomain"`);
    const { superadmins = 0, hasRole = false, hasDomain = false } = row ?? {};
    if (superadmins === 0) problem('there is no superadmin; create one with `npm run admin -- create-superadmin <email>`');
    else ok(superadmins === 1 ? 'there is one superadmin' : `there are ${superadmins} superadmins`);
    if (!hasRole) problem(`DEFAULT_ROLE: no role is named ${DEFAULT_ROLE}, so no user can be created; create it`);
    if (!hasDomain) problem(`DEFAULT_DOMAIN: no domain is named ${DEFAULT_DOMAIN}, so no user can be created; create it`);
  });

const checkAudit = (db: Query) =>
  runCheck('audit', async ({ ok, warning }) => {
    const [row] = await db.query<{ waiting: number; minutes: number }>(sql`
      select count(*)::int as waiting, coalesce(floor(extract(epoch from now() - min(at)) / 60), 0)::int as minutes from "AuditQueue"`);
    const { waiting = 0, minutes = 0 } = row ?? {};
    if (minutes < 1) return ok('the hash chain is up to date');
    warning(`${waiting} events are not in the hash chain, the oldest for ${minutes} minutes; is a server running?`);
  });

const checkOutbox = (db: Query) =>
  runCheck('outbox', async ({ ok, warning, problem }) => {
    const [row] = await db.query<{ due: number; late: number; failed: number; rejected: number }>(sql`
      select count(*) filter (where "completedAt" is null)::int as due,
        count(*) filter (where "completedAt" is null and "createdAt" < now() - interval '10 min')::int as late,
        count(*) filter (where outcome = 'failed' and "completedAt" > now() - interval '1 day')::int as failed,
        count(*) filter (where outcome = 'rejected' and "completedAt" > now() - interval '1 day')::int as rejected
      from "OutboxEmail"`);
    const [outage] = await db.query<{ code: string; since: Date }>(sql`select code, since from "MailOutage"`);
    const { due = 0, late = 0, failed = 0, rejected = 0 } = row ?? {};
    if (outage)
      problem(`the mail server has accepted no email since ${outage.since.toISOString()} (${outage.code}); ${due} emails are waiting`);
    else if (late > 0) warning(`${late} emails have waited for more than 10 minutes; is a server running?`);
    else ok(due === 0 ? 'no email is waiting' : `${due} emails are waiting`);
    if (failed + rejected > 0)
      warning(
        `in the last 24 hours ${failed} emails failed and ${rejected} were rejected; the column error of OutboxEmail has the reasons`,
      );
  });

const checkJobs = (db: Query) =>
  runCheck('jobs', async ({ ok, warning }) => {
    const rows = await db.query<{ name: string; error: string | null; isLate: boolean }>(sql`
      select name, error, "dueAt" < now() - interval '1 hour' as "isLate" from "Job" order by name`);
    const late = rows.filter(({ isLate }) => isLate);
    for (const { name, error } of rows) if (error) warning(`${name} failed: ${error}`);
    if (late.length > 0) warning(`${late.map(({ name }) => name).join(', ')} should have run more than an hour ago; is a server running?`);
    if (late.length === 0 && !rows.some(({ error }) => error)) ok('none has failed');
  });
