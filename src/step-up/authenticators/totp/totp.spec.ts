import { Secret, TOTP, URI } from 'otpauth';
import { describe, expect, test } from 'vitest';
import type { RunningEnv } from '../../../platform/config/env.js';
import type { Challenge } from '../../challenge.entity.js';
import type { Authenticator } from '../authenticator.entity.js';
import type { ConfirmationPorts } from '../confirmation-method.js';
import type { Enrolment } from '../enrolment.entity.js';
import { TEXTS } from '../texts/texts.js';
import { generateTotp, totp } from './totp.js';

const NOW = 1_700_000_010_000;
const STEP = Math.floor(NOW / 30_000);
const challenge = { id: 'c1' } as Challenge;

/** What an authenticator app shows, so many steps from now. */
function codeOf(base32: string, steps = 0): string {
  return new TOTP({ secret: Secret.fromBase32(base32) }).generate({
    timestamp: NOW + steps * 30_000,
  });
}

function portsWith(...known: Partial<Authenticator>[]): ConfirmationPorts {
  return {
    env: {} as RunningEnv,
    now: () => NOW,
    authenticatorsOf: async () => known as Authenticator[],
    // Sealed is what comes back as a copy: keys are overwritten after use.
    sealSecret: async (_of, secret) => Buffer.from(secret),
    openSecret: async (_of, sealed) => Buffer.from(sealed),
  };
}

async function newApp() {
  const { key, authenticator } = await generateTotp('z1', 'alice', null, portsWith());
  return {
    secret: key.secret,
    known: { ...authenticator, zoneId: 'z1' } as Partial<Authenticator>,
  };
}

describe('a key', () => {
  const issuerIn = async (organisation: string | null, account = 'alice') => {
    const { key } = await generateTotp('z1', account, organisation, portsWith());
    return URI.parse(key.uri).issuer;
  };

  test.each([
    [null, 'Mandate'],
    ['Pied Piper', 'Pied Piper'],
    ['Pied & Piper <b>?', 'Pied & Piper <b>?'],
    ['Pied Piper: Payments', 'Pied Piper Payments'],
    ['x'.repeat(60), 'x'.repeat(40)],
    [':', 'Mandate'],
  ])('of %s says whose it is: %s', async (organisation, issuer) => {
    expect(await issuerIn(organisation)).toBe(issuer);
  });

  test('fits into a QR code, however long names are', async () => {
    const [organisation, account] = ['\u{1f3db}'.repeat(100), '\u{1f9d1}'.repeat(128)];
    const { key } = await generateTotp('z1', account, organisation, portsWith());
    const enrolment = { zoneId: 'z1', subject: account, subjectIssuer: null } as Enrolment;
    const link = { token: 'a token', enrolment, secret: Buffer.alloc(20, 7) };
    const input = { ...link, texts: TEXTS.en, env: {} as RunningEnv, organisation, failed: false };
    expect(totp.enrolForm(input).text).toContain('<svg');
    expect(key.uri).toContain(encodeURIComponent('\u{1f3db}'));
  });
});

describe('a code', () => {
  test('of an app of the subject is right, and is spent as the step that it is of', async () => {
    const [first, second] = [await newApp(), await newApp()];
    const ports = portsWith(first.known, second.known);
    for (const steps of [-1, 0, 1]) {
      const verified = await totp.verify(challenge, 'decide', codeOf(second.secret, steps), ports);
      expect(verified?.amr).toEqual(['otp']);
      let spent: unknown[] = [];
      const tx = {
        query: async <T>(_text: string, values: unknown[]) => {
          spent = values;
          return [[], 0] as T;
        },
      };
      expect(await verified?.spend(tx)).toBe(false);
      expect(spent).toEqual(['z1', second.known.id, STEP + steps]);
    }
  });

  test('may be typed with the spaces that apps show', async () => {
    const { secret, known } = await newApp();
    const code = codeOf(secret).replace(/(...)/, '$1 ');
    expect(await totp.verify(challenge, 'decide', code, portsWith(known))).not.toBeNull();
  });

  test('is wrong of another app, at another time, or without a key', async () => {
    const { secret, known } = await newApp();
    const right = codeOf(secret);
    expect(
      await totp.verify(challenge, 'decide', right, portsWith((await newApp()).known)),
    ).toBeNull();
    expect(await totp.verify(challenge, 'decide', right, portsWith())).toBeNull();
    expect(
      await totp.verify(challenge, 'decide', right, portsWith({ ...known, sealedSecret: null })),
    ).toBeNull();
    expect(await totp.verify(challenge, 'decide', codeOf(secret, 3), portsWith(known))).toBeNull();
  });

  test('of the key on the page registers the app', async () => {
    const enrolment = { zoneId: 'z1', subject: 'alice', subjectIssuer: null } as Enrolment;
    const link = { token: 'a token', enrolment, secret: Buffer.alloc(20, 7) };
    const keyOn = (about: typeof link) => {
      const input = {
        ...about,
        texts: TEXTS.en,
        env: {} as RunningEnv,
        organisation: null,
        failed: false,
      };
      const page = totp.enrolForm(input).text;
      return /<code class="key">([A-Z2-7 ]+)</.exec(page)?.[1]?.replaceAll(' ', '') ?? '';
    };
    const secret = keyOn(link);
    // It is what was drawn for the link, whatever is in that.
    expect(secret).toBe(new Secret({ buffer: new Uint8Array(20).fill(7).buffer }).base32);
    expect(keyOn({ ...link, token: 'another' })).toBe(secret);
    const other = { ...link, secret: Buffer.alloc(20, 8) };
    const made = await totp.register(link, codeOf(secret), portsWith());
    expect(made).toMatchObject({ lastStep: String(STEP), keyDrawn: true });
    expect(await totp.register(other, codeOf(secret), portsWith())).toBeNull();
    const known = { ...made, zoneId: 'z1' } as Partial<Authenticator>;
    expect(
      await totp.verify(challenge, 'decide', codeOf(secret, 1), portsWith(known)),
    ).not.toBeNull();
  });
});
