import './thread-pool.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { type Config, isProduction, readConfig } from '../config.ts';
import { hasSuperadmin, isSetupEnabled, setupToken } from '../identity/accounts/first-superadmin.ts';
import { hashLibrary } from '../identity/credentials/password-hash.ts';
import { createLogger, type Logger } from '../logger.ts';
import { type RunningServer, startServer } from './start.ts';

const maxExitTime = 3_000; // milliseconds after a stop, whose requests may take 25 s (security.md F34: 30 s in all)

// Programs that rotate logs or restart servers send SIGUSR2, which ends a process that does not handle it. Node itself ignores SIGPIPE.
process.on('SIGUSR2', () => {});

try {
  const config = readConfig();
  // Node would open its inspector, which lets every user of the machine run code in the server. `npm start` prevents that from the first moment on.
  if (config.production) process.on('SIGUSR1', () => {});
  const log = createLogger(config.LOG_LEVEL);
  if (hashLibrary === 'argon2')
    log.warn({ event: 'sys_hash_library_slow' }, '@node-rs/argon2 has no binary here: logins take twice the processor time');
  const running = await startServer(config, log);
  stopOnSignals(running, log);
  // No input may end the process: an uncaught error is a defect, which is logged (security.md 23.8).
  process.on('unhandledRejection', (error) => log.error({ event: 'sys_defect', error: stackOf(error) }, 'unhandled rejection'));
  process.on('uncaughtException', (error) => log.error({ event: 'sys_defect', error: stackOf(error) }, 'uncaught exception'));
  await announce(config, running, log);
} catch (error) {
  reportFailure((error as Error).message || String((error as NodeJS.ErrnoException).code));
  process.exit(1);
}

/** Prints where the server listens, whatever the log level: in production as a line of the log. */
async function announce(config: Config, { url, db, keys }: RunningServer, log: Logger) {
  // Unknown if the database fails at this moment: that must not end a server that is serving.
  const isSetUp = isSetupEnabled(config) ? await hasSuperadmin(db).catch(() => undefined) : undefined;
  if (config.SETUP_TOKEN && isSetUp)
    log.warn(
      { event: 'sys_setting_obsolete', setting: 'SETUP_TOKEN' },
      'Setting SETUP_TOKEN: there is a superadmin, so remove the setting',
    );
  const message = `Fieldgate listens at ${url}/graphql`;
  if (config.production) return createLogger('info').info({ event: 'sys_startup', version: packageJson.version }, message);
  const link = `${config.PUBLIC_URL}/setup?token=${encodeURIComponent(setupToken({ config, keys }) ?? '')}`;
  const setup = isSetUp === false ? [`Create the first administrator: ${link}`] : [];
  console.log([message, 'Open it in a browser for GraphiQL', ...setup].join('\n'));
}

/** Prints why the server did not start, on standard error: in production as a line of the log. */
function reportFailure(reason: string) {
  if (!isProduction()) return console.error(reason);
  createLogger('fatal', process.stderr).fatal({ event: 'sys_startup_failed', version: packageJson.version }, reason);
}

/** SIGHUP stops as well: a closed terminal sends it, perhaps several times. A second one of the others exits at once. */
function stopOnSignals(running: RunningServer, log: Logger) {
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping && signal !== 'SIGHUP') process.exit(1);
    if (isStopping) return;
    isStopping = true;
    log.info({ event: 'sys_shutdown', signal }, 'the server stops');
    running.stop().then(
      () => endProcess(0),
      () => endProcess(1),
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', stop);
}

/** Lets the process end by itself, so that what listens to `beforeExit` can finish its work, such as the export of the last spans (deploy/otel.mjs). */
function endProcess(code: number) {
  process.exitCode = code;
  setTimeout(() => process.exit(), maxExitTime).unref();
}

function stackOf(error: unknown) {
  return String((error as Error | undefined)?.stack ?? error);
}
