import type { Tx } from '../database/database.ts';
import type { AuditEntry } from './audit/record-event.ts';
import type { Viewer } from './viewer.ts';

/** A transaction and the viewer who acts in it; null if the server acts by itself, in a job. */
export interface ActingTransaction {
  readonly tx: Tx;
  readonly viewer: Viewer | null;
}

/** A transaction of a signed-in viewer, read inside it, that records audit events. */
export interface AuditedTransaction extends ActingTransaction {
  readonly viewer: Viewer;
  /** Records an audit event in the same transaction (security.md 19.1). */
  audit(entry: AuditEntry): Promise<void>;
}
