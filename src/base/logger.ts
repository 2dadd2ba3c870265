/**
 * The one logger: JSON lines on standard error. Only owner of pino. Every thread makes its own with its name; the destination
 * is synchronous, because an asynchronous one would lose the last lines of a thread that ends, and nothing on a warm request
 * path logs.
 */
import { type DestinationStream, destination, type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Field names whose values never reach a log, at the top and one level down. */
const SECRET_FIELDS = ['apiKey', 'key', 'token', 'secret', 'password', 'authorization', 'cookie'] as const;

const REDACTED = [...SECRET_FIELDS, '["x-api-key"]'].flatMap((name) =>
  name.startsWith('[') ? [name, `*${name}`] : [name, `*.${name}`],
);

export interface LoggerSettings {
  level: LogLevel;
  /** Name of the thread, on every line. */
  thread: string;
}

/** `to` is standard error unless a test reads the lines itself. */
export function createLogger(settings: LoggerSettings, to: DestinationStream = standardError()): Logger {
  const options: LoggerOptions = {
    level: settings.level,
    base: { thread: settings.thread, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '***' },
  };
  return pino(options, to);
}

function standardError(): DestinationStream {
  return destination({ dest: 2, sync: true });
}
