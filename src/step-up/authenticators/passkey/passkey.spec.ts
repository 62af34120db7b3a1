import { describe, expect, test } from 'vitest';
import { newPasskey as softwarePasskey, UP } from '../../../../test/setup/passkey.js';
import type { RunningEnv } from '../../../platform/config/env.js';
import type { Challenge } from '../../challenge.entity.js';
import type { Authenticator } from '../authenticator.entity.js';
import type { ConfirmationPorts } from '../confirmation-method.js';
import type { Enrolment } from '../enrolment.entity.js';
import { passkey } from './passkey.js';
import { confirmationNonce, enrolmentNonce } from './relying-party.js';

const ORIGIN = 'https://mandate.example';

const challenge = { id: 'c1', binding: Buffer.alloc(32, 7) } as Challenge;
const enrolment = { zoneId: 'z1', subject: 'alice', subjectIssuer: null } as Enrolment;
const link = { token: 'a token', enrolment, secret: Buffer.alloc(20) };
const nonce = confirmationNonce('c1', '07'.repeat(32));

function portsWith(...known: Partial<Authenticator>[]): ConfirmationPorts {
  return {
    env: { issuerUrl: ORIGIN } as RunningEnv,
    now: () => 0,
    authenticatorsOf: async () => known as Authenticator[],
    sealSecret: async (_of, secret) => secret,
    openSecret: async (_of, sealed) => sealed,
  };
}

/** A passkey that signs for the challenge and the link of these tests, unless told otherwise. */
function newPasskey({ rpId = 'mandate.example' } = {}) {
  const one = softwarePasskey({ rpId, origin: ORIGIN });
  return {
    id: one.id,
    registration: (about = {}) => one.registration({ of: enrolmentNonce(link.token), ...about }),
    assertion: (about = {}) => one.assertion({ of: nonce, ...about }),
  };
}

async function registered(one = newPasskey()): Promise<Partial<Authenticator>> {
  const made = await passkey.register(link, one.registration(), portsWith());
  expect(made).not.toBeNull();
  return { ...made, zoneId: 'z1' };
}

describe('a passkey', () => {
  test('that is registered confirms a challenge, once for each count', async () => {
    const one = newPasskey();
    const stored = await registered(one);
    expect(stored).toMatchObject({ credentialId: one.id, signCount: '0' });
    const verified = await passkey.verify(
      challenge,
      one.assertion({ count: 5 }),
      portsWith(stored),
    );
    expect(verified?.amr).toEqual(['pop', 'user', 'mfa']);
    const asked: unknown[][] = [];
    const answering = (rows: unknown[]) => ({
      query: async <T>(_text: string, values: unknown[]) => {
        asked.push(values);
        return [rows, rows.length] as T;
      },
    });
    expect(await verified?.spend(answering([{}]))).toBe(true);
    expect(await verified?.spend(answering([]))).toBe(false);
    expect(asked).toEqual([
      ['z1', stored.id, 5],
      ['z1', stored.id, 5],
    ]);
  });

  test.each([
    ['for another challenge', { of: confirmationNonce('c2', '07'.repeat(32)) }],
    ['for another request', { of: confirmationNonce('c1', '08'.repeat(32)) }],
    ['for a registration', { of: enrolmentNonce(link.token) }],
    ['on another page', { origin: 'https://mandate.example.evil' }],
    ['without asking the person', { flags: UP }],
  ])('that has signed %s confirms nothing', async (_name, change) => {
    const one = newPasskey();
    const known = portsWith(await registered(one));
    expect(await passkey.verify(challenge, one.assertion(), known)).not.toBeNull();
    expect(await passkey.verify(challenge, one.assertion(change), known)).toBeNull();
  });

  test('that counts backwards, or is of another person or host, confirms nothing', async () => {
    const one = newPasskey();
    const stored = await registered(one);
    const cloned = portsWith({ ...stored, signCount: '5' });
    expect(await passkey.verify(challenge, one.assertion({ count: 5 }), cloned)).toBeNull();
    const others = portsWith(await registered());
    expect(await passkey.verify(challenge, one.assertion(), others)).toBeNull();
    expect(await passkey.verify(challenge, one.assertion(), portsWith())).toBeNull();
    const swapped = portsWith({ ...(await registered()), credentialId: one.id });
    expect(await passkey.verify(challenge, one.assertion(), swapped)).toBeNull();
    const elsewhere = newPasskey({ rpId: 'evil.example' });
    expect(await passkey.register(link, elsewhere.registration(), portsWith())).toBeNull();
  });

  test.each([
    ['by another link', { of: enrolmentNonce('another token') }],
    ['on another page', { origin: 'https://evil.example' }],
    ['without asking the person', { flags: UP }],
  ])('that was made %s is not registered', async (_name, change) => {
    expect(await passkey.register(link, newPasskey().registration(change), portsWith())).toBeNull();
  });

  test.each(['', 'null', '{}', '[]', '{"id":"a","response":{}}', '{"id":1}', 'x'.repeat(100)])(
    'is not %j',
    async (evidence) => {
      const known = portsWith(await registered());
      expect(await passkey.verify(challenge, evidence, known)).toBeNull();
      expect(await passkey.register(link, evidence, known)).toBeNull();
    },
  );
});
