import { expect, test } from 'vitest';
import { asText } from './log-text.js';

const line = (fields: Record<string, unknown>) =>
  `${JSON.stringify({ level: 'info', time: '2026-01-02T03:04:05.678Z', ...fields })}\n`;

/** What is written of a line, without the time, which is that of the place. */
const textOf = (fields: Record<string, unknown>, colours = false) =>
  asText(line(fields), colours).replace(/\d\d:\d\d:\d\d/, 'TIME');

test('a line says when, how bad and what, and then the rest', () => {
  expect(textOf({ ports: [8080], embedded: true, msg: 'listening' })).toBe(
    'TIME INFO  listening ports=[8080] embedded=true\n',
  );
  expect(textOf({ level: 'warn', msg: 'careful' })).toBe('TIME WARN  careful\n');
});

test('a request is told by what it was and how it ended', () => {
  const request = { method: 'POST', route: '/oauth/2/token', status: 200, ms: 12.5 };
  expect(textOf({ ...request, zone: 'z', msg: 'request' })).toBe(
    'TIME INFO  POST /oauth/2/token 200 12.5 ms zone=z\n',
  );
});

test('an error has its stack, and that of its cause, below', () => {
  const err = { message: 'no', stack: 'Error: no\n    at here', cause: { message: 'why' } };
  expect(textOf({ level: 'error', err, msg: 'failed' })).toBe(
    'TIME ERROR failed\n    Error: no\n        at here\n    why\n',
  );
});

test('what others have sent does not reach the terminal as more than text', () => {
  const hostile = '\u001B[2J\u009B31m\rx\u2028';
  const text = textOf({
    label: hostile,
    [hostile]: hostile,
    err: { stack: hostile },
    msg: hostile,
  });
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  expect(text).not.toMatch(/[\u001B\u009B\r\u2028]/);
  expect(text).toContain('\\u001b[2J');
});

test('has colours if it may', () => {
  expect(textOf({ msg: 'x' }, true)).toContain('\u001B[32mINFO \u001B[0m');
  expect(textOf({ msg: 'x' })).not.toContain('\u001B');
});

test('several lines stay several, and what is none of the log stays as it is', () => {
  const text = asText(`${line({ msg: 'one' })}{half\n${line({ msg: 'two' })}`, false);
  expect(text.split('\n').map((each) => each.split(' ').at(-1))).toEqual([
    'one',
    '{half',
    'two',
    '',
  ]);
});
