import type { Finding } from './finding.ts';

/** The report of a server about its embedded database, for the command `doctor`. */
export interface ServerReport {
  readonly findings: readonly Finding[];
  /** The ids of the published signing keys. */
  readonly kids: readonly string[];
}
