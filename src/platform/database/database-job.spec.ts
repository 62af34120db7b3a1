import type { Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DatabaseJob, LINGER_MS, type Look } from './database-job.js';

const BUSY_MS = 200;
const IDLE_MS = 5_000;
/** Within these milliseconds it looks once it was woken. */
const WOKEN_MS = 30;

const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn() };
const answers: (Look | Error)[] = [];
let looks = 0;
let job: DatabaseJob;

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  answers.length = 0;
  looks = 0;
  job = new DatabaseJob(
    {
      name: 'a job',
      failing: 'it cannot look',
      busyMs: BUSY_MS,
      idleMs: IDLE_MS,
      look: async () => {
        looks += 1;
        const answer = answers.shift() ?? 'nothing';
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    log as unknown as Logger,
  );
});
afterEach(async () => {
  await job.stop();
  vi.useRealTimers();
});

/** How often it looks in some milliseconds. */
async function looksIn(ms: number): Promise<number> {
  const before = looks;
  await vi.advanceTimersByTimeAsync(ms);
  return looks - before;
}

const startIdle = async (): Promise<void> => {
  job.start();
  await vi.advanceTimersByTimeAsync(LINGER_MS + 2 * IDLE_MS);
};

describe('a background job', () => {
  test('looks now and then while there is nothing, and at once when it is woken', async () => {
    await startIdle();
    const idle = await looksIn(10 * IDLE_MS);
    expect(idle).toBeGreaterThanOrEqual(8);
    expect(idle).toBeLessThanOrEqual(13);
    job.wake();
    expect(await looksIn(WOKEN_MS)).toBe(1);
  });

  test('looks again without a wait while there is more, and often while something waits', async () => {
    await startIdle();
    answers.push('more', 'more', 'more', 'waiting');
    job.wake();
    expect(await looksIn(WOKEN_MS)).toBe(4);
    const waiting = await looksIn(BUSY_MS * 5);
    expect(waiting).toBeGreaterThanOrEqual(4);
    expect(waiting).toBeLessThanOrEqual(7);
  });

  test('looks often for a while after it was woken: what was begun before may be committed later', async () => {
    await startIdle();
    job.wake();
    const busy = await looksIn(LINGER_MS);
    expect(busy).toBeGreaterThanOrEqual(LINGER_MS / BUSY_MS / 1.25);
    await looksIn(IDLE_MS * 1.25);
    expect(await looksIn(IDLE_MS * 10)).toBeLessThanOrEqual(13);
  });

  test('looks once for all who wake it during a look, and not faster than it can', async () => {
    await startIdle();
    for (let n = 0; n < 1_000; n += 1) {
      job.wake();
      // oxlint-disable-next-line no-await-in-loop
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(looks).toBeLessThan(100);
  });

  test('rests after a look that found more for as long as it has to, whoever wakes it', async () => {
    const restMs = 500;
    const gentle = new DatabaseJob(
      {
        name: 'gentle',
        failing: '',
        busyMs: BUSY_MS,
        idleMs: IDLE_MS,
        restMs: () => restMs,
        look: async () => {
          looks += 1;
          return 'more';
        },
      },
      log as unknown as Logger,
    );
    gentle.start();
    for (let n = 0; n < 10 * restMs; n += 10) {
      gentle.wake();
      // oxlint-disable-next-line no-await-in-loop
      await vi.advanceTimersByTimeAsync(10);
    }
    await gentle.stop();
    expect(looks).toBeLessThanOrEqual(11);
    expect(looks).toBeGreaterThanOrEqual(9);
  });

  test('says once that it cannot look, whoever wakes it, and once that it can again', async () => {
    await startIdle();
    answers.push(new Error('one'), new Error('two'), new Error('three'));
    job.wake();
    await vi.advanceTimersByTimeAsync(WOKEN_MS);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.warn.mock.calls[0]?.[1]).toBe('it cannot look');
    job.wake();
    expect(await looksIn(1_000)).toBe(0);
    expect(await looksIn(10_000)).toBeGreaterThanOrEqual(3);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.debug).toHaveBeenCalledTimes(2);
    expect(log.info.mock.calls.map(([, text]) => text)).toEqual(['a background job works again']);
  });

  test('waits for the look that is under way when it is stopped, and looks no more', async () => {
    let finish = (): void => {};
    const slow = new DatabaseJob(
      {
        name: 'slow',
        failing: '',
        busyMs: 10,
        idleMs: 10,
        look: (stopped) =>
          new Promise((resolve) => {
            looks += 1;
            finish = () => resolve(stopped.aborted ? 'more' : 'nothing');
          }),
      },
      log as unknown as Logger,
    );
    slow.start();
    await vi.advanceTimersByTimeAsync(20);
    expect(looks).toBe(1);
    let isOver = false;
    const over = slow.stop().finally(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(100);
    expect(isOver).toBe(false);
    finish();
    await over;
    slow.wake();
    slow.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(looks).toBe(1);
  });

  test('does nothing before it is started', async () => {
    job.wake();
    expect(await looksIn(IDLE_MS * 3)).toBe(0);
  });
});
