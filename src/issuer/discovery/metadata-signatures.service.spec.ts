import { decodeJwt, SignJWT } from 'jose';
import pino from 'pino';
import { expect, test } from 'vitest';
import type { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import type { ScheduledKey } from './zone-facts.js';
import { MetadataSignatures } from './metadata-signatures.service.js';

const KEY: ScheduledKey = {
  kid: 'key-1',
  alg: 'ES256',
  publishedAt: 0,
  activatesAt: 0,
  retiresAt: null,
  expiresAt: null,
  compromisedAt: null,
};

test('what is signed is of the issuer that the members are of, whatever is in memory elsewhere', async () => {
  const snapshot = {
    issuer: 'https://before.example',
    keys: {
      sign: async (claims: Record<string, unknown>) => ({
        kid: KEY.kid,
        token: await new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256' })
          .sign(new Uint8Array(32)),
      }),
    },
  };
  const signatures = new MetadataSignatures(
    { find: () => Promise.resolve(snapshot) } as unknown as Snapshots,
    { now: () => 1_000_000 },
    pino({ level: 'silent' }),
  );
  const issuer = 'https://now.example';
  const zone = { zoneId: 'Z', issuer, keys: [KEY], standard: 'ES256', bridge: null } as const;
  const { signed_metadata: signed } = await signatures.sign('Z', zone, { issuer });
  expect(decodeJwt(String(signed))).toMatchObject({ iss: issuer, issuer });
});
