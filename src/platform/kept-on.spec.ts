import { expect, test } from 'vitest';
import { KeptOn } from './kept-on.js';

test('what is kept on an object is of that object, and of what it was kept as', () => {
  const ids = new KeptOn<string>('id');
  const others = new KeptOn<string>('id');
  const request = { url: '/' };
  expect(ids.get(request)).toBeUndefined();
  ids.set(request, 'a');
  ids.set(request, 'b');
  expect(ids.get(request)).toBe('b');
  expect([ids.get({ url: '/' }), others.get(request)]).toEqual([undefined, undefined]);
  // Whoever writes it down, or goes through its members, does not meet it.
  expect([JSON.stringify(request), Object.keys(request)]).toEqual(['{"url":"/"}', ['url']]);
});

test('a copy of an object has nothing of what is kept on that', () => {
  const ids = new KeptOn<string>('id');
  const request = { url: '/' };
  ids.set(request, 'a');
  const copy = { ...request, url: '/other' };
  expect(ids.get(copy)).toBeUndefined();
  ids.set(copy, 'b');
  expect([ids.get(request), ids.get(copy)]).toEqual(['a', 'b']);
});
