import { LRUCache } from 'lru-cache';
import { expect, test } from 'vitest';
import { atMost } from './at-most.js';

test('a cache with room for so many forgets those that were used least recently', () => {
  const cache = new LRUCache<string, number>(atMost(3));
  for (const [at, key] of ['a', 'b', 'c'].entries()) cache.set(key, at);
  cache.get('a');
  cache.set('d', 3).set('e', 4);
  expect([...cache.keys()].toSorted()).toEqual(['a', 'd', 'e']);
});

test('takes its room as it fills, and no more of it than is allowed', () => {
  const cache = new LRUCache<string, number>(atMost(1_000));
  const places = () => LRUCache.unsafeExposeInternals(cache).keyList.length;
  expect(places()).toBe(0);
  cache.set('a', 0);
  expect(places()).toBe(1);
  for (let n = 0; n < 5_000; n += 1) cache.set(`key ${n}`, n);
  expect(cache.size).toBe(1_000);
  expect(places()).toBeLessThanOrEqual(1_001);
});
