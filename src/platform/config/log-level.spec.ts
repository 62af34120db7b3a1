import { pino, type Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hangUp, LogLevel } from './log-level.js';

let lines: { level: number; msg: string; from?: string; to?: string }[];
let logger: Logger;
let level: LogLevel;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  logger = pino({ level: 'info' }, { write: (text: string) => void lines.push(JSON.parse(text)) });
  level = new LogLevel(logger);
});
afterEach(() => vi.useRealTimers());

const by = { requestId: 'an id' };
const change = (to: string, forSeconds: number | null = null) =>
  level.change({ level: to, forSeconds, by });

describe('a level', () => {
  test('is what is logged from then on, and followers are told', () => {
    const told: string[] = [];
    level.follow((one) => told.push(one));
    logger.debug('before');
    expect(change('debug')).toEqual({ level: 'debug', configured: 'info', until: null });
    logger.debug('after');
    expect(lines.map(({ msg }) => msg)).toEqual(['the log level was changed', 'after']);
    expect(lines[0]).toMatchObject({ from: 'info', to: 'debug', requestId: 'an id' });
    change('debug');
    expect(told).toEqual(['debug']);
  });

  test('that is for a while is gone after it', () => {
    const { until } = change('trace', 60);
    expect(until).toBe(Date.now() + 60_000);
    vi.advanceTimersByTime(59_999);
    expect(logger.level).toBe('trace');
    vi.advanceTimersByTime(1);
    expect(level.show()).toEqual({ level: 'info', configured: 'info', until: null });
    expect(lines.map(({ to }) => to)).toEqual(['trace', 'info']);
  });

  test('that is set again is for the while that was said last', () => {
    change('debug', 10);
    change('trace', 100);
    vi.advanceTimersByTime(50_000);
    expect(logger.level).toBe('trace');
    change('warn');
    vi.advanceTimersByTime(1_000_000);
    expect(level.show()).toEqual({ level: 'warn', configured: 'info', until: null });
  });

  test('that says nothing is told before, and one that says more than nothing after', () => {
    change('silent');
    logger.fatal('unheard');
    change('info');
    expect(lines.map(({ to, msg }) => to ?? msg)).toEqual(['silent', 'info']);
  });
});

describe('SIGHUP', () => {
  test('changes to debug and back where no file says a level', () => {
    hangUp(level, () => null);
    expect(logger.level).toBe('debug');
    hangUp(level, () => null);
    expect(logger.level).toBe('info');
  });

  test('takes the level of the file, which is the one that a while leads back to', () => {
    hangUp(level, () => 'warn');
    expect(level.show()).toEqual({ level: 'warn', configured: 'warn', until: null });
    change('debug', 5);
    vi.advanceTimersByTime(5_000);
    expect(logger.level).toBe('warn');
  });
});
