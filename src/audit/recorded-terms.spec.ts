import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { RecordedTerms } from './recorded-terms.js';

/** An event whose terms are about so many characters long. */
const longEvent = (characters: number) => ({
  type: 'test',
  requested: { resources: ['x'.repeat(characters)] },
});

test('keeps and hands out no more than fits, however long the names are that callers choose', () => {
  const known = new RecordedTerms();
  const zone = uuidv7();
  for (let n = 0; n < 300; n += 1) known.add(zone, uuidv7(), longEvent(100_000));
  // 8 Mi characters, of which 1 Mi is taken at once.
  expect(known.size).toBe(83);
  expect(known.isMuch(500)).toBe(true);
  const taken = known.take(500);
  expect([taken.zones, taken.ids, taken.terms].map(({ length }) => length)).toEqual([10, 10, 10]);
  known.giveBack(taken);
  expect(known.take(500)).toEqual(taken);
  expect(known.size).toBe(73);
  while (known.size > 0) expect(known.take(3).ids.length).toBeGreaterThan(0);
  expect(known.isMuch(500)).toBe(false);
  // One that is longer than that goes alone.
  known.add(zone, uuidv7(), longEvent(2_000_000));
  known.add(zone, uuidv7(), longEvent(1));
  expect(known.take(500).ids).toHaveLength(1);
  expect(known.take(500).ids).toHaveLength(1);
});
