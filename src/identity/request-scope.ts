import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import type { Logger } from '../logger.ts';
import type { SecurityReports } from './security-reports.ts';
import type { Viewer } from './viewer.ts';

/** What identity functions need of the request that called them. */
export interface RequestScope {
  readonly config: Config;
  readonly db: Database;
  readonly log: Logger;
  readonly reports: SecurityReports;
  readonly client: ClientInfo;
  /** Null for an unauthenticated request. */
  readonly viewer: Viewer | null;
}
