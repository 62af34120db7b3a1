import { describe, expect, test } from 'vitest';
import { cellOf } from './cells.js';
import { layOut, lengthOf } from './table.js';

describe('a table', () => {
  test('aligns its columns', () => {
    const { lines } = layOut([
      ['name', 'id'],
      ['a', '1'],
      ['longer', '22'],
    ]);
    expect(lines).toEqual(['name    id', 'a       1', 'longer  22']);
  });

  test('fits its terminal by cutting the widest column, and never an id', () => {
    const id = '0192f0c1-0000-7000-8000-00000000000a';
    const rows = [['short', id, 'x'.repeat(100)]];
    const { lines } = layOut(rows, 80, new Set([1]));
    expect(lines.map(lengthOf)).toEqual([80]);
    expect(lines[0]).toContain(id);
    expect(lines[0]).toMatch(/x…$/);
    expect(layOut(rows, 10, new Set([1])).lines[0]).toContain(id);
    expect(layOut(rows, null).lines[0]).toContain('x'.repeat(100));
  });

  test('counts what characters take', () => {
    expect([lengthOf('abc'), lengthOf('注文'), lengthOf('é'), lengthOf('👩‍👩‍👧')]).toEqual([
      3, 4, 1, 2,
    ]);
    const { lines } = layOut([
      ['注文', 'x'],
      ['abcd', 'x'],
    ]);
    expect(lines).toEqual(['注文  x', 'abcd  x']);
  });

  test('goes on as wide as the part before', () => {
    const { widths } = layOut([['long name', '1']]);
    expect(layOut([['a', '2']], null, new Set(), widths).lines).toEqual(['a          2']);
  });
});

describe('a cell', () => {
  test.each<[unknown, string]>([
    [null, ''],
    [undefined, ''],
    [true, 'yes'],
    [false, 'no'],
    [0, '0'],
    [['a', 'b'], 'a, b'],
    [{ a: [1] }, '{"a":[1]}'],
    ['2026-11-22T15:22:14.753Z', '2026-11-22 15:22:14Z'],
    ['at 2026-11-22T15:22:14.753Z', 'at 2026-11-22T15:22:14.753Z'],
  ])('%j is %j', (value, cell) => {
    expect(cellOf(value)).toBe(cell);
  });

  test('has nothing in it that a terminal obeys, and is one line', () => {
    const cell = cellOf('a\u001b]0;owned\u0007\u009b2J\u202eb\nc\r');
    // oxlint-disable-next-line no-control-regex
    expect(cell).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(cell).toContain('owned');
  });
});
