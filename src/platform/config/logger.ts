import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { LogFormat } from './env.js';
import { LogDestination, MAX_BYTES } from './log-destination.js';
import { asText } from './log-text.js';

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
 * The log on standard output: JSON, or text for people. However the process ends, short of being killed, it is written by then.
 *
 * @param level one of pino's levels, or `silent`
 * @param worker the number of this worker, which each of its lines has; absent in a process that is alone
 * @param format `auto` is text where that is a terminal
 */
export function createLogger(level: string, worker?: number, format: LogFormat = 'json'): Logger {
  const out = standardOutput();
  const isText = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const destination = new LogDestination(isText ? forPeople(out) : out);
  process.on('exit', () => destination.flush());
  return pino(
    {
      level,
      base: worker === undefined ? null : { worker },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
    },
    destination,
  );
}

/** Bytes of the log that wait while they cannot be written; what comes then is dropped. */
const MOST_WAITING = 1_024 * 1_024;
/** Milliseconds until what could not be written is tried again. */
const AGAIN_MS = 100;
/** How often it is tried again, about as long after each other, when the process ends. */
const AT_THE_END = 4;

/**
 * Writes to standard output at once, not by another thread: what that has yet to write when the process ends would be
 * lost. A reader that does not read, or a full disk, neither holds the process up nor ends it.
 */
function standardOutput(): DestinationStream {
  // Node makes a pipe one whose writes do not wait when this is first looked at.
  void process.stdout;
  let again = 0;
  let timer: NodeJS.Timeout | undefined;
  const out = pino.destination({
    dest: 1,
    sync: true,
    maxLength: MOST_WAITING,
    maxWrite: MAX_BYTES,
    retryEAGAIN: () => (again -= 1) >= 0,
  });
  out.on('error', () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      out.write('');
    }, AGAIN_MS).unref();
  });
  process.on('exit', () => {
    again = AT_THE_END;
    out.write('');
  });
  return out;
}

/** Writes lines of the log as text; in colours on a terminal, unless `NO_COLOR` says otherwise (no-color.org). */
function forPeople(out: DestinationStream): DestinationStream {
  const { NO_COLOR = '', TERM } = process.env;
  const colours = process.stdout.isTTY && NO_COLOR === '' && TERM !== 'dumb';
  return { write: (lines) => out.write(asText(lines, colours)) };
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
