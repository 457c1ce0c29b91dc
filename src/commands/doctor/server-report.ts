import type { Finding } from './finding.ts';

/** What a server reports about its embedded database to the command `doctor`. */
export interface ServerReport {
  readonly findings: readonly Finding[];
  /** The ids of the published signing keys. */
  readonly kids: readonly string[];
}
