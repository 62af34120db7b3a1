import { expect, test } from 'vitest';
import { ArrivingBodies } from './arriving-bodies.js';

function follow(limits: { bodies: number; bytes: number }) {
  const bodies = new ArrivingBodies(limits);
  const dropped: string[] = [];
  return { bodies, dropped, begin: (name: string) => bodies.begin(() => dropped.push(name)) };
}

test('the oldest gives way to one too many', () => {
  const { bodies, dropped, begin } = follow({ bodies: 2, bytes: 100 });
  begin('first');
  const second = begin('second');
  begin('third');
  expect(dropped).toEqual(['first']);
  second.over();
  begin('fourth');
  expect([dropped, bodies.count]).toEqual([['first'], 2]);
});

test('the oldest give way to bytes too many, in the end the one that sends them', () => {
  const { bodies, dropped, begin } = follow({ bodies: 10, bytes: 100 });
  const first = begin('first');
  first.grew(30);
  begin('second').grew(60);
  const third = begin('third');
  third.grew(20);
  expect(dropped).toEqual(['first']);
  first.grew(1_000);
  expect(dropped).toEqual(['first']);
  third.grew(100);
  expect([dropped, bodies.count]).toEqual([['first', 'second', 'third'], 0]);
  begin('fourth').grew(100);
  expect(bodies.count).toBe(1);
});
