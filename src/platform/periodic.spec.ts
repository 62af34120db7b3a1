import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Periodic } from './periodic.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('periodic work', () => {
  test('runs after a wait that is near the one asked for, and again after what it says', async () => {
    const runs: number[] = [];
    const began = Date.now();
    const periodic = new Periodic(async () => {
      runs.push(Date.now() - began);
      return 10_000;
    });
    periodic.start(1_000);
    await vi.advanceTimersByTimeAsync(740);
    expect(runs).toEqual([]);
    await vi.advanceTimersByTimeAsync(100_000);
    periodic.stop();
    const waits = runs.map((at, i) => at - (runs[i - 1] ?? 0));
    expect(waits[0]).toBeLessThanOrEqual(1_250);
    expect(waits.length).toBeGreaterThanOrEqual(8);
    for (const wait of waits.slice(1)) {
      expect(wait).toBeGreaterThanOrEqual(7_500);
      expect(wait).toBeLessThanOrEqual(12_500);
    }
  });

  test('runs at once if it is asked to, and never beside itself', async () => {
    let running = 0;
    let most = 0;
    const periodic = new Periodic(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 50));
      running -= 1;
      return 0;
    });
    periodic.start(0);
    await vi.advanceTimersByTimeAsync(1_000);
    periodic.stop();
    expect(most).toBe(1);
  });

  test('waits for exactly as long as it is asked to without a spread', async () => {
    const work = vi.fn(async () => 100);
    const periodic = new Periodic(work, 0);
    periodic.start(100);
    await vi.advanceTimersByTimeAsync(99);
    expect(work).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(901);
    expect(work).toHaveBeenCalledTimes(10);
    periodic.stop();
  });

  test('does nothing any more once it is stopped, not even after a run that is under way', async () => {
    const work = vi.fn(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return 0;
    });
    const periodic = new Periodic(work, 0);
    periodic.start(0);
    await vi.advanceTimersByTimeAsync(10);
    periodic.stop();
    expect(periodic.stopped).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(work).toHaveBeenCalledTimes(1);
    periodic.start(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(work).toHaveBeenCalledTimes(1);
  });
});
