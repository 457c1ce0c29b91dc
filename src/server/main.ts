import './thread-pool.ts';
import { readConfig } from '../config.ts';
import { hashLibrary } from '../identity/credentials/password-hash.ts';
import { createLogger } from '../lib/logger.ts';
import { startServer } from './start.ts';

try {
  const config = readConfig();
  const log = createLogger(config.LOG_LEVEL);
  if (hashLibrary === 'argon2') log.warn('@node-rs/argon2 has no binary here: logins take twice the processor time');
  const running = await startServer(config, log);
  const lines = [
    `Fieldgate listens at ${running.url}/graphql`,
    ...(config.production ? [] : [`Open it in a browser for GraphiQL`]),
    `Create the first administrator: npm run admin -- create-superadmin <email>${config.DATABASE_URL ? '' : ' (while the server is stopped)'}`,
  ];
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1); // a second signal exits immediately
    stopping = true;
    running.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  // No input may end the process: an uncaught error is a defect, which is logged (security.md 23.8).
  process.on('unhandledRejection', (error) => log.error({ error: stackOf(error) }, 'unhandled rejection'));
  process.on('uncaughtException', (error) => log.error({ error: stackOf(error) }, 'uncaught exception'));
  console.log(lines.join('\n'));
} catch (error) {
  console.error((error as Error).message || (error as NodeJS.ErrnoException).code);
  process.exit(1);
}

function stackOf(error: unknown) {
  return String((error as Error | undefined)?.stack ?? error);
}
