import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ZoneLoads } from './zone-loads.js';

const NOW = 1_800_000_000_000;

let now: number;
let counted: string[];
/** The reads that are under way, by zone, in the order in which they began. */
let reads: { zoneId: string; end: (error?: Error) => void }[];
let weights: Map<string, number>;
let loads: ZoneLoads<{ zoneId: string; weight: number }, string>;

beforeEach(() => {
  now = NOW;
  counted = [];
  reads = [];
  weights = new Map();
  loads = new ZoneLoads(
    {
      exists: (zoneId) => Promise.resolve(!zoneId.startsWith('no ')),
      read: (zoneId) =>
        new Promise((resolve, reject) => {
          const weight = weights.get(zoneId) ?? 10_000;
          const end = (error?: Error) =>
            error === undefined ? resolve({ zoneId, weight }) : reject(error);
          reads.push({ zoneId, end });
        }),
      open: ({ zoneId }) => Promise.resolve(`opened ${zoneId}`),
    },
    { now: () => now },
    (result) => counted.push(result),
    null,
  );
});

/** Lets everything happen that waits for nothing. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function fail(zoneId: string): Promise<void> {
  const loading = loads.load(zoneId);
  await settle();
  reads.pop()?.end(new Error('broken'));
  await expect(loading).rejects.toThrow('broken');
}

test('loads a zone, and finds none where there is none without waiting for a turn', async () => {
  const loading = ['a', 'b', 'c', 'd', 'e'].map((zoneId) => loads.load(zoneId));
  await settle();
  expect(await loads.load('no zone')).toBeNull();
  expect(reads.map(({ zoneId }) => zoneId)).toEqual(['a', 'b', 'c', 'd']);
  reads[2]?.end();
  expect(await loading[2]).toBe('opened c');
  await settle();
  expect(reads.map(({ zoneId }) => zoneId)).toEqual(['a', 'b', 'c', 'd', 'e']);
  for (const { end } of reads) end();
  await Promise.all(loading);
  expect(counted).toEqual(['unknown', ...loading.map(() => 'loaded')]);
});

test('does not look for a zone of which something was read, and finds none if it went since', async () => {
  const exists = vi.fn(() => Promise.resolve(true));
  const read = vi.fn((zoneId: string) =>
    Promise.resolve(zoneId === 'gone' ? null : { weight: 10_000 }),
  );
  const known = new ZoneLoads(
    { exists, read, open: () => Promise.resolve('opened') },
    { now: () => now },
    (result) => counted.push(result),
    null,
  );
  expect(await known.load('a', true)).toBe('opened');
  expect(await known.load('gone', true)).toBeNull();
  expect(exists).not.toHaveBeenCalled();
  expect(await known.load('a')).toBe('opened');
  expect(exists).toHaveBeenCalledOnce();
  expect(counted).toEqual(['loaded', 'unknown', 'loaded']);
});

describe('a zone that could not be loaded', () => {
  test('is left alone for longer and longer, up to a bound, however often it is asked for', async () => {
    const rests = [];
    for (let n = 0; n < 8; n += 1) {
      await fail('a');
      const from = now;
      let begun = 0;
      while (begun === 0) {
        now += 50;
        const asked = loads.load('a').catch((error: unknown) => error);
        await settle();
        begun = reads.length;
        if (begun === 0) expect(await asked).toMatchObject({ code: 'temporarily_unavailable' });
        else reads.pop()?.end(new Error('broken'));
        await asked;
      }
      rests.push(now - from);
      // That load has failed, too: the next round begins after its rest.
      now += 20_000;
    }
    expect(rests[0]).toBe(250);
    expect(rests).toEqual(rests.toSorted((one, other) => one - other));
    expect(Math.max(...rests)).toBe(10_000);
  });

  test('says when to come back', async () => {
    for (let n = 0; n < 5; n += 1) {
      await fail('a');
      now += 20_000;
    }
    await fail('a');
    await expect(loads.load('a')).rejects.toMatchObject({ retryAfter: 8 });
    now += 7_500;
    await expect(loads.load('a')).rejects.toMatchObject({ retryAfter: 1 });
  });

  test('is loaded at once after a success, and when the database is back', async () => {
    await fail('a');
    now += 250;
    const loading = loads.load('a');
    await settle();
    reads.pop()?.end();
    await loading;
    await fail('a');
    now += 250;
    await fail('a');
    await expect(loads.load('a')).rejects.toMatchObject({ retryAfter: 1 });
    loads.endRests();
    const again = loads.load('a');
    await settle();
    reads.pop()?.end();
    expect(await again).toBe('opened a');
  });

  test('keeps no other from being loaded', async () => {
    await fail('a');
    const other = loads.load('b');
    await settle();
    reads.pop()?.end();
    expect(await other).toBe('opened b');
  });
});

describe('a zone that took long to read', () => {
  const takesLong = async (zoneId: string) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const loading = loads.load(zoneId);
    await settle();
    vi.advanceTimersByTime(3_000);
    reads.pop()?.end();
    return loading;
  };

  test('rests for as long if it is large', async () => {
    weights.set('a', 3_000_000);
    expect(await takesLong('a')).toBe('opened a');
    await expect(loads.load('a')).rejects.toMatchObject({ retryAfter: 3 });
    now += 3_000;
    expect(await takesLong('a')).toBe('opened a');
  });

  test('does not if it is small: then it was the database that was slow', async () => {
    expect(await takesLong('a')).toBe('opened a');
    expect(await takesLong('a')).toBe('opened a');
  });
});

test('a zone whose turn does not come is refused, which is no fault of its own', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const others = ['a', 'b', 'c', 'd'].map((zoneId) => loads.load(zoneId));
  const late = loads.load('e').catch((error: unknown) => error);
  await settle();
  vi.advanceTimersByTime(1_500);
  expect(await late).toMatchObject({ code: 'temporarily_unavailable' });
  for (const { end } of reads) end();
  await Promise.all(others);
  expect(counted).toEqual(others.map(() => 'loaded'));
  const again = loads.load('e');
  await settle();
  reads.at(-1)?.end();
  expect(await again).toBe('opened e');
});
