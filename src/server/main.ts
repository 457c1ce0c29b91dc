import { readConfig } from '../config.ts';
import { createLogger } from '../lib/logger.ts';
import { startServer } from './start.ts';

try {
  const config = readConfig();
  const log = createLogger(config.LOG_LEVEL);
  const running = await startServer(config, log);
  const lines = [
    `Fieldgate listens at ${running.url}/graphql`,
    ...(config.production ? [] : [`GraphiQL is at ${running.url}/graphql in a browser`]),
    `The first administrator is made by: npm run admin -- create-superadmin <email>${config.DATABASE_URL ? '' : ' (while the server is stopped)'}`,
  ];
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1); // a second signal ends at once
    stopping = true;
    running.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  // No input ends the process: what nobody caught is a defect that the log shows (security.md 23.8).
  process.on('unhandledRejection', (error) => log.error({ error: stackOf(error) }, 'a rejection was not handled'));
  process.on('uncaughtException', (error) => log.error({ error: stackOf(error) }, 'an exception was not caught'));
  console.log(lines.join('\n'));
} catch (error) {
  console.error((error as Error).message || (error as NodeJS.ErrnoException).code);
  process.exit(1);
}

function stackOf(error: unknown) {
  return String((error as Error | undefined)?.stack ?? error);
}
