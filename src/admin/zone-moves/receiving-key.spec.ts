import { randomBytes, randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatVkey, noteSigner } from '../../transparency-log/note-key.js';
import { faultOfMove, signMove } from './move-notes.js';
import { formatReceivingKey, parseReceivingKey, type ReceivingKey } from './receiving-key.js';

const signer = noteSigner('sts.example/audit', randomBytes(32));
const KEY: ReceivingKey = {
  id: '0190e0a0-0000-7000-8000-000000000000',
  jwk: { kty: 'OKP', crv: 'X25519', x: randomBytes(32).toString('base64url') },
  expiresAt: '2030-01-01T00:00:00.000Z',
  issuerUrl: 'https://sts.example',
  vkey: formatVkey(signer.key),
  schema: 'Some1',
};

test('a key is read as it was written, and nothing else is one', () => {
  expect(parseReceivingKey(formatReceivingKey(KEY))).toEqual(KEY);
  const wrong: Partial<Record<keyof ReceivingKey, unknown>>[] = [
    { id: 'x' },
    { id: 1 },
    { jwk: null },
    { jwk: { ...KEY.jwk, crv: 'P-256' } },
    { expiresAt: 'soon' },
    { issuerUrl: 'javascript:' },
    { vkey: 'x' },
    { schema: undefined },
  ];
  for (const members of wrong) {
    const text = JSON.stringify({ ...KEY, ...members });
    const given = `mandate-zone-key-1.${Buffer.from(text).toString('base64url')}`;
    expect([members, parseReceivingKey(given)]).toEqual([members, null]);
  }
  // Nothing private goes with it, whatever was in the key.
  const jwk = { ...KEY.jwk, d: 'private' };
  expect(parseReceivingKey(formatReceivingKey({ ...KEY, jwk }))?.jwk).toEqual(KEY.jwk);
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseReceivingKey(text)).toBeNull();
      expect(parseReceivingKey(`mandate-zone-key-1.${text}`)).toBeNull();
    }),
  );
});

test('a statement counts for one step of one move of one zone, by one of the keys', () => {
  const of = { zoneId: randomUUID(), move: randomUUID(), digest: 'digest' };
  const note = signMove('received', of, signer);
  const other = noteSigner('sts.example/audit', randomBytes(32));
  const vkeys = [formatVkey(other.key), KEY.vkey];
  expect(faultOfMove(note, 'received', of, vkeys)).toBeNull();
  expect(faultOfMove(note, 'received', of, vkeys.slice(0, 1))).not.toBeNull();
  expect(faultOfMove(note, 'released', of, vkeys)).not.toBeNull();
  for (const change of [{ zoneId: randomUUID() }, { move: randomUUID() }, { digest: 'other' }]) {
    expect(faultOfMove(note, 'received', { ...of, ...change }, vkeys)).not.toBeNull();
  }
  expect(faultOfMove('', 'received', of, vkeys)).not.toBeNull();
});
