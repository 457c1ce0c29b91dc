import { createAggregatedLog } from '../lib/aggregated-log.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import type { LogFields, Logger } from '../logger.ts';
import type { LoginOutcome, Metrics, RefreshOutcome } from '../metrics.ts';
import { type LimitName, limits } from './credentials/rate-limit-keys.ts';

/** Shows attacks to operators: in the metrics, and in the log, in which a flood from one network is one line a minute (security.md 19.8). */
export interface SecurityReports {
  /** Reports the end of a login, with the true reason, which the response does not always tell. The log has no name that the client has sent. */
  loginEnded(client: ClientInfo, userId: string | null, outcome: LoginOutcome): void;
  /** Reports a wrong password of a user who has given another proof already. */
  passwordRejected(client: ClientInfo, userId: string): void;
  refreshEnded(outcome: RefreshOutcome): void;
  /** Reports an attempt that exceeds a limit. */
  rateLimited(client: ClientInfo, limit: LimitName): void;
}

export function createSecurityReports(log: Logger, { logins, refreshes, rateLimited }: Metrics): SecurityReports {
  for (const limit of Object.keys(limits)) rateLimited.inc({ limit }, 0); // `increase()` misses the first increment of a series that did not exist before
  const warnOfLogins = createAggregatedLog<LogFields<'warn'>>((fields, message) => log.warn(fields, message));
  const warnOfLimits = createAggregatedLog<LogFields<'warn'>>((fields, message) => log.warn(fields, message));
  const logFailure = ({ network }: ClientInfo, userId: string | null, reason: LoginOutcome) =>
    warnOfLogins(network, { event: 'authn_login_fail', network, userId, reason }, 'login failed');
  return {
    loginEnded(client, userId, outcome) {
      logins.inc({ outcome });
      if (outcome !== 'OK') logFailure(client, userId, outcome);
    },
    passwordRejected: (client, userId) => logFailure(client, userId, 'INVALID_CREDENTIALS'),
    refreshEnded: (outcome) => refreshes.inc({ outcome }),
    rateLimited({ network }, limit) {
      rateLimited.inc({ limit });
      warnOfLimits(`${limit} ${network}`, { event: 'excess_rate_limit_exceeded', limit, network }, 'a rate limit was exceeded');
    },
  };
}
