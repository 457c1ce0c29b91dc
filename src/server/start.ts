import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import type { KeyStore } from '../identity/keys/configured-keys.ts';
import type { Logger } from '../lib/logger.ts';
import { startJobRunner } from '../schema/job/job-runner.ts';
import { createHttpServer } from './create-server.ts';
import { startMailDelivery } from './mail-delivery.ts';
import { createServices } from './services.ts';

/** A running server. */
export interface RunningServer {
  readonly url: string;
  readonly db: Database;
  readonly keys: KeyStore;
  /** Stops taking requests, lets those under way finish, and closes everything, within 30 s. */
  stop(): Promise<void>;
}

/** Starts a server: keys, database, its tail, and one port. `database` is given where it is open already. */
export async function startServer(config: Config, log: Logger, database?: Database): Promise<RunningServer> {
  const opened = await createServices(config, log, database);
  const { services, notifier } = opened;
  const { db, keys, revocations } = services;
  const app = createHttpServer(services, notifier);
  const postOffice = startMailDelivery(services);
  const stopJobs = startJobRunner(services, notifier);
  const closeGround = async () => {
    await Promise.all([stopJobs(), postOffice.close()]);
    await opened.close();
  };
  await listen(app.server, config).catch(async (error: Error) => {
    await app.close();
    await closeGround();
    throw error;
  });
  const { port } = app.server.address() as AddressInfo;
  const stop = async () => {
    const closed = new Promise((resolve) => app.server.close(resolve));
    const idle = setInterval(app.closeIdle, 50); // a connection may become idle only after its last answer
    const grace = setTimeout(() => app.server.closeAllConnections(), 25_000); // security.md F34: 30 s in all
    revocations.end();
    await Promise.all([app.close(), closed]);
    clearInterval(idle);
    clearTimeout(grace);
    await closeGround();
  };
  return { url: `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`, db, keys, stop };
}

/** Listens where the settings say. Throws with the name of the setting that is to be changed. */
async function listen(server: Server, { PORT, HOST }: Config) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(PORT, HOST, resolve);
  await promise.catch(({ code }: NodeJS.ErrnoException) => {
    const setting = code === 'EADDRINUSE' || code === 'EACCES' ? 'PORT' : 'HOST';
    throw new Error(`Setting ${setting}: ${unusable[code ?? ''] ?? 'the server cannot listen there'}`);
  });
}

const unusable: Record<string, string> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this process may not listen there',
};
