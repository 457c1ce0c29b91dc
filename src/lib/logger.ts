import { type DestinationStream, type LevelWithSilent, pino } from 'pino';

export type Logger = ReturnType<typeof createLogger>;

/** Property names that may carry a secret, at any depth at which the code logs. */
const secretNames = ['authorization', 'cookie', 'password', 'secret', 'accessToken', 'refreshToken', 'token', 'variables'];

/** Logs one JSON object per line. Secrets are redacted before the line is formatted. */
export function createLogger(level: LevelWithSilent, destination?: DestinationStream) {
  const paths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino({ level, redact: { paths, censor: '[redacted]' }, base: null }, destination as DestinationStream);
}
