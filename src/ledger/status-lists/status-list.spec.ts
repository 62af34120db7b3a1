import { expect, test } from 'vitest';
import { hourOf, nameOf, readName, uriOf } from './status-list.js';

test('a list is named by the hour in which its mandates expire', () => {
  const hour = hourOf(1_795_339_999);
  expect(hour).toBe(498_705);
  expect([hour * 3_600, hour * 3_600 + 3_599].map(hourOf)).toEqual([hour, hour]);
  expect(hourOf(hour * 3_600 - 1)).toBe(hour - 1);
  const list = { hour, number: 2 };
  expect(uriOf('https://sts.example/zones/z', list)).toBe(
    'https://sts.example/zones/z/status/498705-2',
  );
  expect(readName(nameOf(list))).toEqual(list);
});

test.each([
  '',
  '498705',
  '498705-',
  '-1',
  '498705-01',
  '0498705-1',
  '498705-1 ',
  '498705-1\n',
  '4987050000-1',
  '498705-100000',
  'a-b',
])('no list is called %j', (name) => {
  expect(readName(name)).toBeNull();
});
