import { readConfig } from './config.ts';
import { createLog } from './log.ts';
import { start } from './start.ts';

try {
  const config = readConfig();
  const log = createLog(config);
  const running = await start(config, log);
  const lines = [
    `Fieldgate listens at ${running.url}/graphql`,
    ...(config.production ? [] : [`GraphiQL is at ${running.url}/graphql in a browser`]),
    'The first administrator is made by: npm run admin -- create-superadmin <email>',
  ];
  console.log(lines.join('\n'));
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
  process.on('unhandledRejection', (error) => log.error({ error: String(error) }, 'a rejection was not handled'));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
