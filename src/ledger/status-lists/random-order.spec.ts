import { expect, test } from 'vitest';
import { ORDERED, RandomOrder } from './random-order.js';

const all = (order: RandomOrder) => Array.from({ length: ORDERED }, (_, place) => order.at(place));
const inOrder = Array.from({ length: ORDERED }, (_, n) => n);

test('an order has each number once, and is none that anybody would guess', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 20; i += 1) {
    const order = new RandomOrder();
    const numbers = all(order);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(inOrder);
    expect(all(order)).toEqual(numbers);
    // Of neighbours few follow each other: by chance one pair in four thousand.
    const following = numbers.filter(
      (n, place) => place > 0 && n === (numbers[place - 1] ?? 0) + 1,
    );
    expect(following.length).toBeLessThan(100);
    seen.add(numbers.slice(0, 4).join());
  }
  expect(seen.size).toBe(20);
});
