import { type DestinationStream, pino } from 'pino';
import type { Config } from '../config.ts';

export type Logger = ReturnType<typeof createLogger>;

/** The names under which a secret could reach the log, at any of the depths that we log at. */
const secrets = ['authorization', 'cookie', 'password', 'secret', 'accessToken', 'refreshToken', 'token', 'variables'];

/** One JSON object a line; secrets are replaced before the line is made. */
export function createLogger(config: Pick<Config, 'LOG_LEVEL'>, destination?: DestinationStream) {
  const paths = secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino({ level: config.LOG_LEVEL, redact: { paths, censor: '[redacted]' }, base: null }, destination as DestinationStream);
}
