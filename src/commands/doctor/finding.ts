/** The result of one check. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem';
  /** The finding and, unless it is right, how to fix it. Never contains a secret. */
  readonly message: string;
}

/** The findings of one check. A check that throws has found a problem: its error says what to do, like those of a start. */
export async function runCheck(check: string, find: (found: Reporter) => Promise<void> | void): Promise<Finding[]> {
  const findings: Finding[] = [];
  const report = (status: Finding['status']) => (message: string) => void findings.push({ check, status, message: oneLine(message) });
  try {
    await find({ ok: report('ok'), warning: report('warning'), problem: report('problem') });
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    report('problem')(message || String(code));
  }
  return findings;
}

/** Adds findings to those of a check. */
export type Reporter = Readonly<Record<Finding['status'], (message: string) => void>>;

const oneLine = (text: string) => text.replaceAll(/\s*\n\s*/g, '; ').trim();
