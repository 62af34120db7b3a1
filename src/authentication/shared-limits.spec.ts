import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Link, NoAnswer } from '../platform/workers/link.js';
import { GuessLimiter } from './guess-limiter.js';
import { CountsForWorkers, PrimaryCounts } from './shared-limits.js';

/** Workers and the primary process that counts for them, without processes. */
function group(size: number) {
  const primary = new CountsForWorkers();
  const asked: object[] = [];
  const workers = Array.from({ length: size }, () => {
    const put = (to: () => Link) => (message: object) => {
      queueMicrotask(() => to().receive(structuredClone(message)));
    };
    const here: Link = new Link((message) => {
      asked.push(message);
      put(() => there)(message);
    });
    const there: Link = new Link(put(() => here));
    const gone = primary.serve(there);
    return { counts: new PrimaryCounts(here), gone, close: () => here.close() };
  });
  return { workers, asked };
}

/** Whether a limit let each of some requests pass. */
async function spend(limiter: { consume(key: string): Promise<unknown> }, times: number) {
  const outcomes = await Promise.allSettled(
    Array.from({ length: times }, () => limiter.consume('k')),
  );
  return outcomes.filter(({ status }) => status === 'fulfilled').length;
}

describe('guesses', () => {
  test('are counted for all workers together', async () => {
    const { workers } = group(3);
    const limiters = workers.map(({ counts }) => new GuessLimiter(counts));
    const counted: boolean[] = [];
    for (let guess = 0; guess < 12; guess += 1) {
      const limiter = limiters[guess % 3];
      counted.push((await limiter?.countWrong('client', 'source')) ?? false);
    }
    expect(counted.filter(Boolean)).toHaveLength(10);
    const may = await Promise.all(limiters.map((one) => one.mayCompare('client', 'source')));
    expect(may.filter(Boolean)).toHaveLength(1);
    expect(await limiters[2]?.countWrong('client', 'another source')).toBe(true);
  });

  test('cost the channel no more than a digest, however long they are', async () => {
    const { workers, asked } = group(1);
    await workers[0]?.counts
      .limit('x', { points: 1, seconds: 1, maxKeys: 9 })
      .take('c'.repeat(60_000));
    expect(JSON.stringify(asked).length).toBeLessThan(300);
  });
});

describe('jobs one after the other', () => {
  /** A job that takes until it is let go. */
  function job(log: string[], name: string) {
    let end: () => void = () => {};
    const over = new Promise<void>((resolve) => (end = resolve));
    const work = async () => {
      log.push(name);
      await over;
      return name;
    };
    return { work, end };
  }
  const quotas = [{ key: 'client', max: 2 }];

  test('are so in all workers together, and what is too much is turned away', async () => {
    const { workers } = group(2);
    const [one, other] = workers.map(({ counts }) => counts.queue('q', 3));
    const log: string[] = [];
    const [a, b, c] = [job(log, 'a'), job(log, 'b'), job(log, 'c')];
    const first = one?.run(quotas, a.work);
    await expect.poll(() => log).toEqual(['a']);
    const second = other?.run(quotas, b.work);
    expect(await one?.run(quotas, c.work)).toBeNull();
    const third = one?.run([], c.work);
    expect(await other?.run([], c.work)).toBeNull();
    a.end();
    expect(await first).toBe('a');
    await expect.poll(() => log).toEqual(['a', 'b']);
    b.end();
    c.end();
    expect([await second, await third]).toEqual(['b', 'c']);
  });

  test('a worker that is gone gives its turns back, those that it waits for too', async () => {
    const { workers } = group(2);
    const [one, other] = workers.map(({ counts }) => counts.queue('q', 9));
    const log: string[] = [];
    const lost = [one?.run([], job(log, 'a').work), one?.run([], job(log, 'b').work)];
    await expect.poll(() => log).toEqual(['a']);
    const next = job(log, 'c');
    const waited = other?.run([], next.work);
    workers[0]?.gone();
    workers[0]?.close();
    next.end();
    expect(await waited).toBe('c');
    expect(log).toEqual(['a', 'c']);
    await expect(lost[1]).rejects.toThrow(NoAnswer);
  });
});

describe('requests', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  test('are as many as there are points, whichever workers they come to', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 40 })), { maxLength: 30 }),
        async (points, turns) => {
          const { workers } = group(4);
          const limiters = workers.map(({ counts }) =>
            counts.requests('r', { points, seconds: 10 }),
          );
          let passed = 0;
          for (const [at, times] of turns) {
            const limiter = limiters[at];
            if (limiter !== undefined) passed += await spend(limiter, times);
          }
          expect(passed).toBeLessThanOrEqual(points);
          const wanted = turns.reduce((sum, [, times]) => sum + times, 0);
          // What workers have kept is no more than they have spent.
          expect(passed).toBeGreaterThanOrEqual(Math.min(wanted, Math.floor(points / 2)));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of one worker alone are all of the points, and then refused without asking', async () => {
    const { workers, asked } = group(2);
    const limiter = workers[0]?.counts.requests('r', { points: 1_000, seconds: 1 });
    if (limiter === undefined) throw new Error('no worker');
    let passed = 0;
    for (let n = 0; n < 1_000; n += 1) passed += await spend(limiter, 1);
    expect(passed).toBe(1_000);
    // A few at first, many in the middle, and one by one at the end.
    expect(asked.length).toBeLessThan(70);
    expect(await spend(limiter, 1)).toBe(0);
    const before = asked.length;
    expect(await spend(limiter, 100)).toBe(0);
    expect(asked).toHaveLength(before);
  });

  test('may be made again in the next window, and no point of the last one is left', async () => {
    const { workers } = group(2);
    const [one, other] = workers.map(({ counts }) =>
      counts.requests('r', { points: 64, seconds: 1 }),
    );
    if (one === undefined || other === undefined) throw new Error('no workers');
    const inOneWindow = async () => (await spend(one, 20)) + (await spend(other, 100));
    const passed = [await inOneWindow()];
    await vi.advanceTimersByTimeAsync(1_001);
    passed.push(await inOneWindow());
    for (const count of passed) {
      expect(count).toBeGreaterThan(44);
      expect(count).toBeLessThanOrEqual(64);
    }
  });
});
