import { expect, test } from 'vitest';
import { changedMembers } from './changed-members.js';

test.each([
  [{ a: 1, b: { c: 2, d: 3 } }, { a: 1, b: { c: 4, d: 3 } }, [['b.c', 2, 4]]],
  [{ a: [1] }, { a: [1, 2] }, [['a', [1], [1, 2]]]],
  [{ a: 1 }, {}, [['a', 1, null]]],
  [{}, { a: { b: 1 } }, [['a', null, { b: 1 }]]],
  [false, true, [['value', false, true]]],
  [null, 'x', [['value', null, 'x']]],
  [{ a: 1 }, { a: 1 }, []],
  [
    { a: { b: { c: { d: { e: 1 } } } } },
    { a: { b: { c: { d: { e: 2 } } } } },
    [['a.b.c.d', { e: 1 }, { e: 2 }]],
  ],
  [JSON.parse('{"__proto__": 1}'), {}, [['__proto__', 1, null]]],
])('from %j to %j', (before, after, expected) => {
  const changes = changedMembers(before, after);
  expect(changes.map((each) => [each.member, each.before, each.after])).toEqual(expected);
});
