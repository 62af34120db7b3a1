import { expect, test } from 'vitest';
import { progressAt } from './progress.js';

test.each([
  [true, ['at 2000', 'at 4500']],
  [false, []],
])('how far long work is, is said every two seconds to a person: %s', (attended, expected) => {
  let time = 0;
  const said: string[] = [];
  const progress = progressAt({ attended, say: (text) => void said.push(text) }, () => time);
  for (const now of [0, 1_999, 2_000, 3_999, 4_500]) {
    time = now;
    progress(() => `at ${now}`);
  }
  expect(said).toEqual(expected.map((each) => `${each}\n`));
});
