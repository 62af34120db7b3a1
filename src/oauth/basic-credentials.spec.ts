import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseBasic } from './basic-credentials.js';

function header(pair: string | Uint8Array): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

test.each<[string, string, string, string | null]>([
  [header('client:secret'), 'client', 'secret', null],
  [header('client:se:cret'), 'client', 'se:cret', null],
  [header('cl%3Aient:se%25c+ret%2B'), 'cl:ient', 'se%c ret+', 'se%25c+ret%2B'],
  [header('client:%C3%A4'), 'client', '\u00e4', '%C3%A4'],
  [header('client:\u00e4'), 'client', '\u00e4', null],
  [
    header(Buffer.from('client:\u00e4+\u00ff', 'latin1')),
    'client',
    '\u00e4 \u00ff',
    '\u00e4+\u00ff',
  ],
  [header('client:secret').replace('Basic', 'bAsIc'), 'client', 'secret', null],
  [header('client:secret').replace(' ', '   '), 'client', 'secret', null],
  // Not encoded, as it can be seen.
  [header('client:%'), 'client', '%', null],
  [header('client:100%!'), 'client', '100%!', null],
  [header('client:%ff'), 'client', '%ff', null],
  [header('client:%00'), 'client', '%00', null],
])('reads %j', (value, clientId, secret, rawSecret) => {
  expect(parseBasic(value)).toEqual({ clientId, secret, rawSecret });
});

test.each([
  '',
  'Basic',
  'Basic ',
  'Bearer abc',
  'Basicabc',
  'Basic a b',
  'Basic a\tb',
  'Basic ====',
  ` ${header('client:secret')}`,
  `${header('client:secret')} `,
  header('client'),
  header(':secret'),
  header('client:'),
  header(':'),
  header('client:a\0b'),
  header('cli\0ent:a'),
  header(Buffer.from([0x61, 0x3a, 0xff, 0x00])),
  `Basic ${Buffer.from([0x61, 0x3a, 0xfb, 0xff]).toString('base64url')}`,
])('refuses %j', (value) => {
  expect(parseBasic(value)).toBeNull();
});

function encode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

test('reads back what a client wrote by RFC 6749 2.3.1', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((one) => !one.includes('\0'));
  fc.assert(
    fc.property(text, text, (clientId, secret) => {
      const written = `${encode(clientId)}:${encode(secret)}`;
      expect(parseBasic(header(written))).toMatchObject({ clientId, secret });
    }),
  );
});

test('reads back what a client wrote without encoding it, one way or the other', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((one) => !one.includes('\0'));
  fc.assert(
    fc.property(text, (written) => {
      const { secret, rawSecret } = parseBasic(header(`client:${written}`)) ?? {};
      expect([secret, rawSecret]).toContain(written);
    }),
  );
});

test('is total', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => void parseBasic(value)));
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseBasic(header(bytes))));
});
