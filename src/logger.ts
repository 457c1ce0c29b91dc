import { type DestinationStream, type LevelWithSilent, type Logger as PinoLogger, pino } from 'pino';
import type { LogEvent, LogEventAt } from './log-events.ts';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug';

/** The fields of a line, with an event of its level. */
export interface LogFields<At extends Level> {
  readonly event: At extends 'debug' ? LogEvent : LogEventAt<At>;
  readonly [name: string]: unknown;
}

type Log = { readonly [At in Level]: (fields: LogFields<At>, message?: string) => void };

export interface Logger extends Log {
  isLevelEnabled(level: Level): boolean;
}

/** Property names that may carry a secret, at any depth at which the code logs. */
const secretNames = ['authorization', 'cookie', 'password', 'secret', 'accessToken', 'refreshToken', 'token', 'variables'];

/** Logs one JSON object per line, with the name of its level and the time in ISO 8601. Secrets are redacted before the line is formatted. */
export function createLogger(level: LevelWithSilent, destination?: DestinationStream): Logger {
  const paths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '[redacted]' },
    },
    destination as DestinationStream,
  );
}

/** The same log without redaction, which takes several times as long as the rest of a line. For lines whose fields are listed in the code and carry no secret. */
export const withoutRedaction = (log: Logger): Logger => (log as PinoLogger).child({}, { redact: [] });
