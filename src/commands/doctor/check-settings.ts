import { isIP } from 'node:net';
import type { Config, SettingFault } from '../../config.ts';
import { type Finding, type Reporter, runCheck } from './finding.ts';

/** Every invalid setting, and valid ones that do not fit together or to production. */
export const checkSettings = (config: Config, faults: readonly SettingFault[]): Promise<Finding[]> =>
  runCheck('settings', (found) => {
    for (const { setting, message } of faults) found.problem(`${setting}: ${message}`);
    if (faults.length === 0) found.ok(config.production ? 'all are valid' : `all are valid; NODE_ENV is ${config.NODE_ENV}`);
    const invalid = new Set(faults.map(({ setting }) => setting));
    for (const { needs, check } of combinations) if (!needs.some((name) => invalid.has(name))) check(config, found);
  });

/** Checks of valid settings. `needs` are the settings without which a check would compare a default. */
const combinations: { readonly needs: readonly (keyof Config)[]; check(config: Config, found: Reporter): void }[] = [
  {
    needs: ['NODE_ENV', 'PUBLIC_URL'],
    check({ production, PUBLIC_URL }, { warning }) {
      if (!production && !isLocalUrl(PUBLIC_URL))
        warning('NODE_ENV: is not production, although PUBLIC_URL is not on this machine; set NODE_ENV=production');
    },
  },
  {
    needs: ['PUBLIC_URL', 'TRUSTED_PROXIES'],
    check({ PUBLIC_URL, TRUSTED_PROXIES }, { warning }) {
      if (PUBLIC_URL.startsWith('https:') && TRUSTED_PROXIES === 0)
        warning(
          'TRUSTED_PROXIES: is 0, although PUBLIC_URL is https and so served by a proxy; all clients have its address, and share its rate limits. Set it to the number of proxies',
        );
    },
  },
  {
    needs: ['TRUSTED_PROXIES', 'HOST'],
    check({ HOST, TRUSTED_PROXIES, production }, { warning }) {
      if (production && TRUSTED_PROXIES === 0 && !isLoopback(HOST))
        warning(
          `HOST: is ${HOST} and TRUSTED_PROXIES is 0: clients reach the server directly, and unencrypted. Behind a proxy set TRUSTED_PROXIES`,
        );
    },
  },
  {
    needs: ['PUBLIC_URL', 'ALLOWED_HOSTS'],
    check({ PUBLIC_URL, ALLOWED_HOSTS }, { problem }) {
      const { hostname } = new URL(PUBLIC_URL);
      if (!ALLOWED_HOSTS.includes(hostname)) problem(`ALLOWED_HOSTS: does not contain ${hostname}, the host of PUBLIC_URL; add it`);
    },
  },
  {
    needs: ['NODE_ENV', 'ALLOW_HTTP', 'PUBLIC_URL'],
    check({ production, PUBLIC_URL }, { warning }) {
      if (production && PUBLIC_URL.startsWith('http:') && !isLocalUrl(PUBLIC_URL))
        warning('ALLOW_HTTP: is true, so passwords and tokens travel unencrypted; use https');
    },
  },
  {
    needs: ['NODE_ENV', 'REQUIRE_EMAIL_CONFIRMATION', 'PUBLIC_REGISTRATION'],
    check({ production, REQUIRE_EMAIL_CONFIRMATION, PUBLIC_REGISTRATION }, { warning }) {
      if (production && PUBLIC_REGISTRATION && !REQUIRE_EMAIL_CONFIRMATION)
        warning('REQUIRE_EMAIL_CONFIRMATION: is false, so anyone can register with the address of another person; set it to true');
    },
  },
  {
    needs: ['DATABASE_URL'],
    check({ DATABASE_URL }, { warning }) {
      if (DATABASE_URL && isUnencryptedDatabase(DATABASE_URL))
        warning('DATABASE_URL: the connection is not encrypted; add ?sslmode=verify-full if the network is shared');
    },
  },
  {
    needs: ['SMTP_URL'],
    check({ SMTP_URL }, { warning }) {
      if (SMTP_URL && isUnencryptedMail(SMTP_URL))
        warning('SMTP_URL: emails may travel unencrypted; use smtps, or smtp with ?requireTLS=true');
    },
  },
];

const isLoopback = (host: string) => /^(?:127(?:\.\d+){3}|\[?::1\]?|(?:.+\.)?localhost)$/.test(host);

const isLocalUrl = (url: string) => isLoopback(new URL(url).hostname);

function isUnencryptedDatabase(connectionString: string): boolean {
  const { hostname, searchParams } = new URL(connectionString);
  const host = searchParams.get('host') ?? hostname;
  if (host === '' || host.startsWith('/') || isLoopback(host)) return false;
  return ['', 'disable', 'allow', 'prefer'].includes(searchParams.get('sslmode') ?? '') && searchParams.get('ssl') !== 'true';
}

function isUnencryptedMail(url: string): boolean {
  const { protocol, hostname, searchParams } = new URL(url);
  // A name without a dot is that of a container beside the server.
  const isNear = isLoopback(hostname) || (!hostname.includes('.') && isIP(hostname.replaceAll(/[[\]]/g, '')) === 0);
  return protocol === 'smtp:' && !isNear && searchParams.get('requireTLS') !== 'true' && searchParams.get('secure') !== 'true';
}
