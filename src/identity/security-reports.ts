import { createAggregatedLog } from '../lib/aggregated-log.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import type { LogFields, Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import { type LimitName, limits } from './credentials/rate-limit-keys.ts';

/** Shows attacks to operators: in the metrics, and in the log, in which a flood from one network is one line a minute (security.md 19.8). */
export interface SecurityReports {
  /** Reports a wrong password, or a right one of an account that may not log in. The log has no name that the client has sent. */
  loginFailed(client: ClientInfo, userId: string | null, reason: string): void;
  /** Reports an attempt that exceeds a limit. */
  rateLimited(client: ClientInfo, limit: LimitName): void;
}

export function createSecurityReports(log: Logger, { rateLimited }: Metrics): SecurityReports {
  for (const limit of Object.keys(limits)) rateLimited.inc({ limit }, 0); // `increase()` misses the first increment of a series that did not exist before
  const warnOfLogins = createAggregatedLog<LogFields<'warn'>>((fields, message) => log.warn(fields, message));
  const warnOfLimits = createAggregatedLog<LogFields<'warn'>>((fields, message) => log.warn(fields, message));
  return {
    loginFailed: ({ network }, userId, reason) =>
      warnOfLogins(network, { event: 'authn_login_fail', network, userId, reason }, 'login failed'),
    rateLimited({ network }, limit) {
      rateLimited.inc({ limit });
      warnOfLimits(`${limit} ${network}`, { event: 'excess_rate_limit_exceeded', limit, network }, 'a rate limit was exceeded');
    },
  };
}
