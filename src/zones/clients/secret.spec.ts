import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseBasic } from '../../oauth/basic-credentials.js';
import {
  digestsEqual,
  digestSecret,
  generateSecret,
  isGeneratedForm,
  passesForGenerated,
} from './secret.js';

const KEY = Buffer.alloc(32, 1);

test('generates secrets of 256 bits that can be recognised, each another one', () => {
  const generated = Array.from({ length: 200 }, () => generateSecret());
  expect(new Set(generated).size).toBe(200);
  for (const secret of generated) {
    expect(isGeneratedForm(secret)).toBe(true);
    expect(Buffer.from(secret.slice(4), 'base64url')).toHaveLength(32);
    // Nothing in it changes when it is form-urlencoded or typed into a shell.
    expect(secret).toMatch(/^[\w-]+$/);
  }
});

test.each([
  '',
  'mds_',
  `mds_${'x'.repeat(42)}`,
  `mds_${'x'.repeat(44)}`,
  `MDS_${'x'.repeat(43)}`,
  `xmds_${'x'.repeat(43)}`,
  `mds_${'x'.repeat(43)}\n`,
  `mds_${'x'.repeat(42)}=`,
  `mds_${'x'.repeat(42)} `,
])('does not take %j for a generated one', (secret) => {
  expect(isGeneratedForm(secret)).toBe(false);
});

test('what passes for none is never looked for among those, however a client sends it', () => {
  const character = fc.constantFrom('a', '+', ' ', '%', '%41', '%20', '_');
  const almost = fc.nat(46).map((n) =>
    `mds_${'A'.repeat(43)}`
      .split('')
      .with(n, n < 1 ? '%6d' : '%41')
      .join(''),
  );
  const secrets = fc.oneof(
    fc.array(character, { minLength: 8 }).map((a) => a.join('')),
    almost,
  );
  let seen = 0;
  fc.assert(
    fc.property(secrets, (secret) => {
      if (passesForGenerated(secret)) return;
      seen += 1;
      const encoded = new URLSearchParams([['', secret]]).toString().slice(1);
      for (const written of [secret, encoded]) {
        const sent = parseBasic(`Basic ${Buffer.from(`client:${written}`).toString('base64')}`);
        const readings = [sent?.secret, sent?.rawSecret].filter((one) => typeof one === 'string');
        expect(readings).toContain(secret);
        expect(readings.some(isGeneratedForm)).toBe(false);
      }
    }),
  );
  expect(seen).toBeGreaterThan(20);
  expect(passesForGenerated(`%6dds_${'A'.repeat(43)}`)).toBe(true);
  expect(passesForGenerated(generateSecret())).toBe(true);
});

test('digests depend on key, client and secret, and on where one ends', () => {
  const digests = [
    digestSecret(KEY, 'client', 'secret'),
    digestSecret(randomBytes(32), 'client', 'secret'),
    digestSecret(KEY, 'client2', 'secret'),
    digestSecret(KEY, 'client', 'secret2'),
    digestSecret(KEY, 'clients', 'ecret'),
    digestSecret(KEY, 'clien', 'tsecret'),
  ];
  expect(new Set(digests).size).toBe(digests.length);
  for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(digestSecret(KEY, 'client', 'secret')).toBe(digests[0]);
});

test('compares digests of any length without throwing', () => {
  const hex = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('hex'));
  fc.assert(
    fc.property(hex, hex, (a, b) => {
      expect(digestsEqual(a, a)).toBe(true);
      expect(digestsEqual(a, b)).toBe(a === b);
    }),
  );
});
