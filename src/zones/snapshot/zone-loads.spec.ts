import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { TooManyClients } from './read-clients.js';
import { ZoneLoads } from './zone-loads.js';

const NOW = 1_800_000_000_000;

let now: number;
let counted: string[];
/** The reads that are under way, by zone, in the order in which they began. */
let reads: { zoneId: string; end: (error?: Error) => void }[];
let sizes: Map<string, number>;
let loads: ZoneLoads<string, string>;

beforeEach(() => {
  now = NOW;
  counted = [];
  reads = [];
  sizes = new Map();
  loads = new ZoneLoads(
    {
      exists: (zoneId) => Promise.resolve(!zoneId.startsWith('no ')),
      read(zoneId, maxClients) {
        if ((sizes.get(zoneId) ?? 0) > maxClients) return Promise.reject(new TooManyClients(1));
        return new Promise((resolve, reject) => {
          const end = (error?: Error) => (error === undefined ? resolve(zoneId) : reject(error));
          reads.push({ zoneId, end });
        });
      },
      open: (stored) => Promise.resolve(`opened ${stored}`),
    },
    { now: () => now },
    (result) => counted.push(result),
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

describe('large zones', () => {
  test('are read one at a time, and small ones beside them', async () => {
    for (const zoneId of ['large 1', 'large 2', 'large 3']) sizes.set(zoneId, 5_000);
    const large = ['large 1', 'large 2', 'large 3'].map((zoneId) => loads.load(zoneId));
    await settle();
    expect(reads.map(({ zoneId }) => zoneId)).toEqual(['large 1']);
    const small = ['a', 'b', 'c', 'd'].map((zoneId) => loads.load(zoneId));
    await settle();
    for (const { zoneId, end } of reads) if (zoneId !== 'large 1') end();
    expect(await Promise.all(small)).toHaveLength(4);
    for (let n = 0; n < large.length; n += 1) {
      for (const { end } of reads) end();
      await large[n];
      await settle();
    }
    expect(counted.filter((result) => result === 'loaded')).toHaveLength(7);
  });

  test('are refused if their turn does not come, which is no fault of theirs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    for (const zoneId of ['large 1', 'large 2']) sizes.set(zoneId, 5_000);
    const first = loads.load('large 1');
    const second = loads.load('large 2').catch((error: unknown) => error);
    await settle();
    vi.advanceTimersByTime(1_500);
    expect(await second).toMatchObject({ code: 'temporarily_unavailable' });
    reads[0]?.end();
    await first;
    expect(counted).toEqual(['loaded']);
    const again = loads.load('large 2');
    await settle();
    reads[1]?.end();
    expect(await again).toBe('opened large 2');
  });

  test('are not loaded at all beyond a bound', async () => {
    sizes.set('huge', 300_000);
    await expect(loads.load('huge')).rejects.toThrow(TooManyClients);
    await expect(loads.load('huge')).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });
});
