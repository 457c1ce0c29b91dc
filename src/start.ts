import type { AddressInfo } from 'node:net';
import DataLoader from 'dataloader';
import { type Credential, identify } from './access/viewer.ts';
import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { connect, type Database } from './db.ts';
import type { Log } from './log.ts';
import { loadKeys } from './token/keys.ts';
import { openTail } from './token/tail.ts';

/** A running server. */
export interface Running {
  readonly url: string;
  readonly db: Database;
  /** Stops taking requests, lets those under way finish, and closes everything, within 30 s. */
  stop(): Promise<void>;
}

/** Starts a server: keys, database, its tail, and one port. `database` is given where it is open already. */
export async function start(config: Config, log: Log, database?: Database): Promise<Running> {
  const keys = await loadKeys(config);
  const db = database ?? (await connect(config, log));
  const revocations = await openTail(db, log);
  const identifying = new DataLoader((credentials: readonly Credential[]) => identify(db, credentials, config.FRESHNESS), {
    cache: false,
    maxBatchSize: 500,
  });
  const app = createApp({ config, log, keys, db, revocations, identify: identifying });
  await new Promise<void>((resolve, reject) => {
    app.server.once('error', reject);
    app.server.listen(config.PORT, config.HOST, resolve);
  });
  const { port } = app.server.address() as AddressInfo;
  const stop = async () => {
    const closed = new Promise((resolve) => app.server.close(resolve));
    await app.close();
    app.server.closeIdleConnections();
    const grace = setTimeout(() => app.server.closeAllConnections(), 25_000); // security.md F34: 30 s in all
    await closed;
    clearTimeout(grace);
    await revocations.close();
    if (!database) await db.close();
  };
  return { url: `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`, db, stop };
}
