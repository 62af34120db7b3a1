import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CSV_HEADER, csvLineOf, lineOf } from './audit-csv.js';

/** Reads lines of CSV as RFC 4180 has them, all of whose values are in quotes. */
function read(csv: string): string[][] {
  const rows: string[][] = [[]];
  let value: string | null = null;
  for (let at = 0; at < csv.length; at += 1) {
    const character = csv.charAt(at);
    if (value === null) {
      if (character === '"') value = '';
      else if (character === '\n') rows.push([]);
    } else if (character !== '"') value += character;
    else if (csv.charAt(at + 1) === '"') {
      value += '"';
      at += 1;
    } else {
      rows.at(-1)?.push(value);
      value = null;
    }
  }
  return rows.filter((row) => row.length > 0);
}

const SIGNS = [
  '=',
  '+',
  '-',
  '@',
  '"',
  ',',
  ';',
  "'",
  '\r',
  '\n',
  '\t',
  'a',
  'ä',
  '＝',
  '＋',
  '😀',
];
const texts = fc.string({ unit: fc.constantFrom(...SIGNS) });

test('what is written is read as it was, but for a quote before what looks like a formula', () => {
  fc.assert(
    fc.property(fc.array(texts, { minLength: 1 }), (values) => {
      const [line = []] = read(lineOf(values));
      expect(line.map((value, n) => (value === values[n] ? value : value.slice(1)))).toEqual(
        values,
      );
      for (const value of line) expect(value).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
    }),
  );
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '＝1'])('%j is no formula', (value) => {
  expect(lineOf([value])).toBe(`"'${value}"\r\n`);
});

test('an event has a value in each column, the same for all events', () => {
  const header = read(CSV_HEADER)[0] ?? [];
  expect(new Set(header).size).toBe(header.length);
  const event = {
    id: 'e',
    type: 'token_exchange',
    seq: 7,
    reason: 'a "quoted", one',
    policy: {
      decisions: [{ decision: 'allow', determining_policies: [{ policy: 'p' }, { policy: 'q' }] }],
    },
    mandate: { scope: ['a', 'b'], sub: 'alice' },
  };
  const [line = []] = read(csvLineOf({ text: JSON.stringify(event), hash: 'ff' }));
  const row = Object.fromEntries(header.map((name, n) => [name, line[n]]));
  expect(line).toHaveLength(header.length);
  expect(row).toMatchObject({
    reason: 'a "quoted", one',
    scopes: 'a b',
    subject: 'alice',
    decisions: 'allow',
    policies: 'p q',
    seq: '7',
    hash: 'ff',
    operator: '',
  });
  expect(read(csvLineOf({ text: '{}', hash: '' }))[0]).toHaveLength(header.length);
});
