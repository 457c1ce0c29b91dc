import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/database/database.ts';
import { commandLimits } from '../src/database/session.ts';
import { parseHead } from '../src/identity/audit/audit-chain.ts';
import { describeVerification, verifyAuditChain } from '../src/identity/audit/verify-audit-chain.ts';
import { createLogger } from '../src/lib/logger.ts';

/** Verifies the hash chain over the audit, up to a head from the log if it is given. Throws with the faults. */
export async function verifyAudit(head: string | undefined) {
  const recorded = head === undefined ? undefined : parseHead(head);
  if (head !== undefined && !recorded)
    throw new Error('--head must be a head from the log: a position, a colon and 64 hexadecimal digits.');
  const db = await openDatabase(readConfig(), createLogger('silent'), commandLimits);
  try {
    const verification = await verifyAuditChain(db, recorded);
    const lines = describeVerification(verification).join('\n');
    if (verification.faults.length > 0) throw new Error(lines);
    console.log(lines);
    if (verification.isHeadUnverified) process.exitCode = 3;
  } finally {
    await db.close();
  }
}
