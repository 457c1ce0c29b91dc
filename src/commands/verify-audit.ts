import { commandLimits } from '../database/session.ts';
import { parseHead } from '../identity/audit/audit-chain.ts';
import { describeVerification, verifyAuditChain } from '../identity/audit/verify-audit-chain.ts';
import { type DatabaseCommand, exitCodes } from './command.ts';

/** Verifies the hash chain over the audit, up to a head from the log if it is given. Fails with the faults. */
export const verifyAudit: DatabaseCommand = {
  description: ['recomputes the hash chain over the audit, up to a head from the log'],
  options: ['head'],
  limits: commandLimits,
  async run({ db, print }, { options: { head } }) {
    const recorded = head === undefined ? undefined : parseHead(head);
    if (head !== undefined && !recorded)
      throw new Error('--head must be a head from the log: a position, a colon and 64 hexadecimal digits.');
    const verification = await verifyAuditChain(db, recorded);
    const lines = describeVerification(verification).join('\n');
    if (verification.faults.length > 0) throw new Error(lines);
    print(lines);
    return verification.isHeadUnverified ? exitCodes.unverifiedHead : exitCodes.done;
  },
};
