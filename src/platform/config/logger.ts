import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import { LogDestination } from './log-destination.js';

/** The injection token of the pino logger. */
export const LOGGER = Symbol('Logger');

/**
 * The fields of an error that are logged: type, message, code, stack and causes, nothing else. Driver
 * errors hold the query and its parameters, which may be secrets.
 */
function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: 'a value that is not an error was thrown' };
  const code: unknown = Reflect.get(error, 'code');
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: errorFields(error.cause) }),
  };
}

/**
 * The JSON log on standard output. However the process ends, short of being killed, it is written by then.
 *
 * @param level one of pino's levels, or `silent`
 */
export function createLogger(level: string): Logger {
  // By writes that wait: what another thread has yet to write when the process ends would be lost.
  const destination = new LogDestination(pino.destination({ dest: 1, sync: true }));
  process.on('exit', () => destination.flush());
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
    },
    destination,
  );
}

/** Nest's logger, writing to the same log. */
export function nestLogger(logger: Logger): LoggerService {
  const line =
    (level: 'info' | 'error' | 'warn' | 'debug' | 'trace') =>
    (message: unknown, ...rest: unknown[]): void => {
      const context = rest.findLast((item) => typeof item === 'string');
      if (message instanceof Error) logger[level]({ err: message, context }, message.message);
      else logger[level]({ context }, String(message));
    };
  return {
    // Nest logs its start on `log`, which is of little use to operators.
    log: line('debug'),
    error: line('error'),
    warn: line('warn'),
    debug: line('trace'),
    verbose: line('trace'),
    fatal: line('error'),
  };
}
