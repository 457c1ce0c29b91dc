import './thread-pool.ts';
import { readConfig } from '../config.ts';
import { hashLibrary } from '../identity/credentials/password-hash.ts';
import { createLogger } from '../lib/logger.ts';
import { type RunningServer, startServer } from './start.ts';

// Programs that rotate logs or restart servers send SIGUSR2, which ends a process that does not handle it. Node itself ignores SIGPIPE.
process.on('SIGUSR2', () => {});

try {
  const config = readConfig();
  // Node would open its inspector, which lets every user of the machine run code in the server. `npm start` prevents that from the first moment on.
  if (config.production) process.on('SIGUSR1', () => {});
  const log = createLogger(config.LOG_LEVEL);
  if (hashLibrary === 'argon2') log.warn('@node-rs/argon2 has no binary here: logins take twice the processor time');
  const running = await startServer(config, log);
  const lines = [
    `Fieldgate listens at ${running.url}/graphql`,
    ...(config.production ? [] : [`Open it in a browser for GraphiQL`]),
    `Create the first administrator: npm run admin -- create-superadmin <email>${config.DATABASE_URL ? '' : ' (while the server is stopped)'}`,
  ];
  stopOnSignals(running);
  // No input may end the process: an uncaught error is a defect, which is logged (security.md 23.8).
  process.on('unhandledRejection', (error) => log.error({ error: stackOf(error) }, 'unhandled rejection'));
  process.on('uncaughtException', (error) => log.error({ error: stackOf(error) }, 'uncaught exception'));
  console.log(lines.join('\n'));
} catch (error) {
  console.error((error as Error).message || (error as NodeJS.ErrnoException).code);
  process.exit(1);
}

/** SIGHUP stops as well: a closed terminal sends it, perhaps several times. A second one of the others exits at once. */
function stopOnSignals(running: RunningServer) {
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping && signal !== 'SIGHUP') process.exit(1);
    if (isStopping) return;
    isStopping = true;
    running.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', stop);
}

function stackOf(error: unknown) {
  return String((error as Error | undefined)?.stack ?? error);
}
