import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseBasic } from './basic-credentials.js';

function header(pair: string | Uint8Array): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

test.each<[string, string, string]>([
  [header('client:secret'), 'client', 'secret'],
  [header('client:se:cret'), 'client', 'se:cret'],
  [header('cl%3Aient:se%25c+ret%2B'), 'cl:ient', 'se%c ret+'],
  [header('client:%C3%A4'), 'client', '\u00e4'],
  [header('client:\u00e4'), 'client', '\u00e4'],
  [header('client:secret').replace('Basic', 'bAsIc'), 'client', 'secret'],
  [header('client:secret').replace(' ', '   '), 'client', 'secret'],
])('reads %j', (value, clientId, secret) => {
  expect(parseBasic(value)).toEqual({ clientId, secret });
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
  header('client:%'),
  header('client:%ff'),
  header('client:%00'),
  header('client:a\0b'),
  header(Buffer.from([0x61, 0x3a, 0xff])),
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
      expect(parseBasic(header(`${encode(clientId)}:${encode(secret)}`))).toEqual({
        clientId,
        secret,
      });
    }),
  );
});

test('is total', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => void parseBasic(value)));
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseBasic(header(bytes))));
});
