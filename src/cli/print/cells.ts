import { inspect } from 'node:util';

/** An instant as the API gives it (RFC 3339). */
const INSTANT = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/;

/** What a terminal would take for an order, or for the end of a line. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A value of the API for people: one line, without characters that a terminal would obey. */
export function cellOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (typeof value === 'string') return plain(value.replace(INSTANT, '$1 $2Z'));
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) {
    return value.map(cellOf).join(', ');
  }
  return plain(JSON.stringify(value) ?? inspect(value));
}

/** A text without characters that a terminal would obey. */
export function plain(text: string): string {
  return text.replace(CONTROL, (character) =>
    character === '\n' || character === '\t' ? ' ' : '\uFFFD',
  );
}
