import pg from 'pg';

/** A PostgreSQL and the setting that names it. */
export interface DatabaseTarget {
  readonly setting: 'DATABASE_URL' | 'DATABASE_DIRECT_URL';
  readonly connectionString: string;
}

/** The name of connections in pg_stat_activity, unless their URL has another one. A restore finds running servers by it. */
export const applicationName = 'fieldgate';

const timeout = 1_500; // milliseconds: a response within 2 s while the database is down (security.md 23.5)

/** Connects at the start. Throws an error with the setting, the cause and the remedy. */
export async function connect(target: DatabaseTarget): Promise<pg.Client> {
  try {
    const client = new pg.Client({
      connectionString: target.connectionString,
      application_name: applicationName,
      connectionTimeoutMillis: timeout,
    });
    client.on('error', () => {}); // the statement that needs the connection fails
    await client.connect();
    return client;
  } catch (error) {
    throw settingError(target, explain(error as Error & { code?: string }));
  }
}

/** The user in the URL; undefined if the operating system decides. */
export function userOf({ connectionString }: DatabaseTarget): string | undefined {
  const { username, searchParams } = new URL(connectionString);
  return searchParams.get('user') ?? (decodeURIComponent(username) || undefined);
}

export const settingError = ({ setting }: DatabaseTarget, fault: string, cause?: unknown) =>
  new Error(`Setting ${setting}: ${fault}`, { cause });

/** Statements that prepare a session get as long as connecting does. */
export const sessionOf = (client: pg.ClientBase) => ({
  query: async <Row>(text: string, values: unknown[]) =>
    (await client.query({ text, values, query_timeout: timeout } as pg.QueryConfig)).rows as Row[],
});

/** Why connecting failed. The error itself would repeat the setting, which contains the password. */
function explain({ code = '', message }: Error & { code?: string }): string {
  if (message === 'The server does not support SSL connections')
    return 'the database does not support TLS; enable it there, or remove `sslmode`';
  if (isPoolerWithoutDatabase(message)) return poolerWithoutDatabase;
  return connectionErrors[code] ?? (isTlsError.test(code) ? untrusted : 'the database does not respond');
}

/** PgBouncer has one error code for everything. Only its message names this cause. */
export const isPoolerWithoutDatabase = (message: string) =>
  /server_login_retry|server_login_failed|cannot connect to server|query_wait_timeout/.test(message);

export const poolerWithoutDatabase =
  'the connection pooler has no connection to the database, which may be down or reject its user; or its pool is too small';

// https://nodejs.org/api/tls.html#x509-certificate-error-codes
const isTlsError = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|ERR_TLS_|ERR_SSL_|ERR_OSSL_)|_UNTRUSTED$/;

const untrusted =
  'the certificate of the database is not trusted for this host; name its authority with `sslrootcert`, and the host as the certificate does';

const connectionErrors: Record<string, string> = {
  '28000': 'the user does not exist or may not log in, or pg_hba.conf does not admit it from here, perhaps only without TLS',
  '28P01': 'the user or the password is wrong',
  '3D000': 'there is no database with that name',
  '42501': 'the user may not connect to the database',
  '53300': 'the database has no free connection; raise its max_connections or lower DATABASE_POOL',
  '08P01': 'the connection pooler rejects the connection: it may not know the user or the database, or a parameter such as `options`',
  '22023': 'its parameter `options` is invalid',
  '42601': 'its parameter `options` is invalid',
  '42704': 'its parameter `options` is invalid',
  ECONNREFUSED: 'no database listens there',
  ENOTFOUND: 'the host does not exist',
  ENOENT: 'a file that `sslrootcert`, `sslcert` or `sslkey` names does not exist',
  CERT_HAS_EXPIRED: 'the certificate of the database has expired; renew it',
};
