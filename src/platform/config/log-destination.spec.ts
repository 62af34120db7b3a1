import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pino } from 'pino';
import { LogDestination } from './log-destination.js';

let writes: string[];
let destination: LogDestination;

beforeEach(() => {
  vi.useFakeTimers();
  writes = [];
  destination = new LogDestination({ write: (text) => void writes.push(text) });
});

afterEach(() => {
  vi.useRealTimers();
});

/** The lines of a second that are written one by one. */
const AT_ONCE = 20;
const line = (n: number) => `{"line":${n}}\n`;
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => line(from + n));

/** Writes lines of the level `info`. */
function say(from: number, to: number): void {
  destination.lastLevel = 30;
  for (const each of lines(from, to)) destination.write(each);
}

describe('a line of the log', () => {
  test('is written as it comes, while there are few in a second', () => {
    say(0, AT_ONCE);
    expect(writes).toEqual(lines(0, AT_ONCE));
    vi.advanceTimersByTime(1_000);
    say(AT_ONCE, 2 * AT_ONCE);
    expect(writes).toEqual(lines(0, 2 * AT_ONCE));
  });

  test('waits with others, in order, when there are many, and not for more of them', () => {
    say(0, AT_ONCE + 3);
    expect(writes).toEqual(lines(0, AT_ONCE));
    vi.advanceTimersByTime(200);
    expect(writes).toEqual([...lines(0, AT_ONCE), lines(AT_ONCE, AT_ONCE + 3).join('')]);
    vi.advanceTimersByTime(10_000);
    expect(writes).toHaveLength(AT_ONCE + 1);
  });

  test('is written with those that wait, if it is the first of a second', () => {
    say(0, AT_ONCE + 3);
    vi.spyOn(performance, 'now').mockReturnValueOnce(performance.now() + 1_000);
    say(AT_ONCE + 3, AT_ONCE + 4);
    expect(writes.at(-1)).toBe(lines(AT_ONCE, AT_ONCE + 4).join(''));
  });

  test('takes those before it along, if it is a warning or an error', () => {
    say(0, AT_ONCE + 3);
    destination.lastLevel = 40;
    destination.write(line(AT_ONCE + 3));
    expect(writes.at(-1)).toBe(lines(AT_ONCE, AT_ONCE + 4).join(''));
  });

  test('is never divided, and as many are written together as a pipe takes in one piece', () => {
    say(0, 1_000);
    const long = `{"long":"${'é'.repeat(3_000)}"}\n`;
    destination.write(long);
    destination.flush();
    expect(writes.join('')).toBe(`${lines(0, 1_000).join('')}${long}`);
    expect(writes.every((text) => text.endsWith('\n'))).toBe(true);
    expect(writes.filter((text) => Buffer.byteLength(text) > 4_096)).toEqual([long]);
    expect(writes.length).toBeLessThan(AT_ONCE + 8);
  });

  test('is written with its level as pino has it, also that of a child', () => {
    const logger = pino({ base: null, timestamp: false }, destination);
    for (let n = 0; n < AT_ONCE + 5; n += 1) logger.info('many');
    expect(writes).toHaveLength(AT_ONCE);
    logger.child({ of: 'a child' }).error('bad');
    expect(writes).toHaveLength(AT_ONCE + 1);
    expect(writes.at(-1)?.split('\n')).toHaveLength(7);
  });
});
