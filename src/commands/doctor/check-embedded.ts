import type { Config } from '../../config.ts';
import type { Database } from '../../database/database.ts';
import { hasEmbeddedPostgres, openEmbeddedPostgres } from '../../database/embedded-postgres.ts';
import { prepareSession } from '../../database/session.ts';
import { connectToServer, sendCommand } from '../send-command.ts';
import { type Finding, runCheck } from './finding.ts';
import type { ServerReport } from './server-report.ts';

interface EmbeddedFindings {
  readonly findings: readonly Finding[];
  /** The ids of the published keys, if a server has reported them. */
  readonly kids?: readonly string[];
}

/** Checks the embedded database. If a server has it open, the server checks what is stored. Does not create or migrate it. */
export async function checkEmbedded(
  config: Pick<Config, 'DATA_DIR'>,
  checkContent: (db: Pick<Database, 'query'>) => Promise<Finding[]>,
): Promise<EmbeddedFindings> {
  if (!hasEmbeddedPostgres(config.DATA_DIR))
    return { findings: [{ check: 'database', status: 'ok', message: 'embedded; the first start creates it' }] };
  let report: ServerReport | undefined;
  let content: readonly Finding[] = [];
  const findings = await runCheck('database', async ({ ok }) => {
    report = await askServer(config.DATA_DIR);
    if (report) return ok('embedded; a server has it open');
    const { pglite, close } = await openEmbeddedPostgres(config.DATA_DIR);
    try {
      const query = async <Row>(text: string, values: unknown[]) => (await pglite.query<Row>(text, values)).rows;
      await prepareSession({ query });
      ok('embedded; no server has it open');
      content = await checkContent({ query: ({ text, values }) => query(text, [...values]) });
    } finally {
      await close();
    }
  });
  return report ? { findings: [...findings, ...report.findings], kids: report.kids } : { findings: [...findings, ...content] };
}

/** The report of the server that has the data folder open; undefined if there is none. */
async function askServer(folder: string): Promise<ServerReport | undefined> {
  const connection = await connectToServer(folder);
  if (!connection) return undefined;
  const [out, errors]: [string[], string[]] = [[], []];
  const output = { out: (text: string) => out.push(text), error: (text: string) => errors.push(text), flush: async () => {} };
  const code = await sendCommand(connection, ['doctor'], '', output);
  if (code !== 0) throw new Error(errors.join('\n'));
  return JSON.parse(out.join('\n')) as ServerReport;
}
