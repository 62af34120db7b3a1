import { expect, test } from 'vitest';
import { Seats } from './seats.js';

test('one operator has a few of the seats, and all have so many', () => {
  const seats = new Seats('exports', { inAll: 3, ofOneOperator: 2 });
  const leave = seats.take('a');
  seats.take('a');
  expect(() => seats.take('a')).toThrow('2 exports of this operator are under way here');
  seats.take('b');
  expect(() => seats.take('c')).toThrow('cannot answer right now');
  leave();
  leave();
  seats.take('c');
  expect(() => seats.take('d')).toThrow('cannot answer right now');
});
