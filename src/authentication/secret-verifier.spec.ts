import { randomBytes } from 'node:crypto';
import { verify } from '@node-rs/argon2';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { SecretVerifier, type SecretAttempt } from './secret-verifier.js';
import type { SecretRecord } from '../zones/clients/secret.js';
import { digestSecret, generateSecret, MAX_LIVE_SECRETS } from '../zones/clients/secret.js';

// The real argon2, with its calls counted: they are all that takes time.
vi.mock(import('@node-rs/argon2'), async (original) => {
  const real = await original();
  return { ...real, verify: vi.fn(real.verify) };
});

const NOW = 1_800_000_000_000;
const KEY = randomBytes(32);
const CLIENT = '0192f0c1-2b3c-7d4e-8f50-0123456789ab';

let now: number;
let verifier: SecretVerifier;
beforeEach(() => {
  now = NOW;
  verifier = new SecretVerifier({ now: () => now });
  vi.mocked(verify).mockClear();
});

let sources = 0;
/** A wrong drawn secret for an unknown client, one knob turned. */
function attempt(changes: Partial<SecretAttempt> = {}): SecretAttempt {
  sources += 1;
  return {
    clientId: CLIENT,
    secret: generateSecret(),
    rawSecret: null,
    source: `198.51.100.${sources}`,
    secrets: [],
    digestKey: null,
    ...changes,
  };
}

function drawnRecord(secret: string, expiresAt: number | null = null): SecretRecord {
  return { kind: 'digest', verifier: digestSecret(KEY, CLIENT, secret), expiresAt };
}

async function importedRecord(
  secret: string,
  expiresAt: number | null = null,
): Promise<SecretRecord> {
  return { kind: 'argon2id', verifier: await verifier.hashImported(secret), expiresAt };
}

/** How many expensive comparisons an attempt costs. */
async function cost(one: SecretAttempt): Promise<number> {
  vi.mocked(verify).mockClear();
  await verifier.verify(one);
  return vi.mocked(verify).mock.calls.length;
}

/** What a hash says about how it was made. */
function parameters(hash: unknown): string[] {
  return String(hash).split('$').slice(0, 4);
}

test('guesses from all over one IPv6 network count together', async () => {
  const verdicts = [];
  for (let i = 1; i <= 11; i += 1) {
    verdicts.push(await verifier.verify(attempt({ source: `2001:db8:1:2:${i}::${i}` })));
  }
  expect(verdicts.filter((verdict) => verdict === 'wrong')).toHaveLength(10);
  expect(verdicts.at(-1)).toBe('throttled');
  expect(await verifier.verify(attempt({ source: '2001:db8:1:3::1' }))).toBe('wrong');
});

describe('a drawn secret', () => {
  test('is right only for its client, key and time', async () => {
    const secret = generateSecret();
    const right = attempt({ secret, secrets: [drawnRecord(secret)], digestKey: KEY });
    expect(await verifier.verify(right)).toBe('right');
    expect(await verifier.verify({ ...right, secret: generateSecret() })).toBe('wrong');
    expect(await verifier.verify({ ...right, digestKey: randomBytes(32) })).toBe('wrong');
    expect(await verifier.verify({ ...right, clientId: CLIENT.replace('0', '1') })).toBe('wrong');
    expect(await verifier.verify({ ...right, secrets: [] })).toBe('wrong');
    const until = (expiresAt: number) => ({ ...right, secrets: [drawnRecord(secret, expiresAt)] });
    expect(await verifier.verify(until(NOW + 1))).toBe('right');
    expect(await verifier.verify(until(NOW))).toBe('wrong');
  });

  test('is right as either of two', async () => {
    const [one, other] = [generateSecret(), generateSecret()];
    const secrets = [drawnRecord(one), drawnRecord(other)];
    for (const secret of [one, other]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await verifier.verify(attempt({ secret, secrets, digestKey: KEY }))).toBe('right');
    }
  });

  test('is right at once, however often others guessed wrong', async () => {
    const secret = generateSecret();
    const one = attempt({ secret, secrets: [drawnRecord(secret)], digestKey: KEY });
    const verdicts = [];
    for (let n = 0; n < 11; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      verdicts.push(await verifier.verify({ ...one, secret: generateSecret() }));
    }
    expect(verdicts.at(-1)).toBe('throttled');
    expect(await verifier.verify(one)).toBe('right');
  });

  test('costs no expensive comparison, whoever the client is', async () => {
    const secrets = [drawnRecord(generateSecret()), await importedRecord('password')];
    expect(await cost(attempt())).toBe(0);
    expect(await cost(attempt({ secrets, digestKey: KEY }))).toBe(0);
  });
});

describe('a secret that can be read in two ways', () => {
  test('is right if either is, and one guess if none is', async () => {
    const secrets = [await importedRecord('a+b')];
    const one = attempt({ secret: 'a b', rawSecret: 'a+b', secrets, digestKey: KEY });
    expect(await verifier.verify(one)).toBe('right');
    expect(await verifier.verify({ ...one, secret: 'a+b', rawSecret: 'a%2Bb' })).toBe('right');
    expect(await verifier.verify({ ...one, rawSecret: 'a b+' })).toBe('wrong');
    const drawn = generateSecret();
    const digest = { ...one, secrets: [drawnRecord(drawn)] };
    expect(await verifier.verify({ ...digest, secret: drawn, rawSecret: 'x' })).toBe('right');
    expect(await verifier.verify({ ...digest, secret: generateSecret(), rawSecret: drawn })).toBe(
      'right',
    );
    // A guess is counted for the client and the place that it came from.
    const guess = async (of: SecretVerifier, readings: () => Partial<SecretAttempt>) => {
      const verdicts: string[] = [];
      const source = '192.0.2.1';
      for (let i = 0; i < 40; i += 1)
        verdicts.push(await of.verify(attempt({ source, ...readings() })));
      return verdicts;
    };
    const twofold = () => ({ secret: generateSecret(), rawSecret: generateSecret() });
    const counted = await guess(verifier, twofold);
    expect(counted).toContain('throttled');
    expect(counted).toEqual(await guess(new SecretVerifier({ now: () => now }), () => ({})));
  });
});

describe('an imported secret', () => {
  test('is right only for itself and its time', async () => {
    const one = attempt({ secret: 'password', digestKey: KEY });
    const secrets = [await importedRecord('password')];
    expect(await verifier.verify({ ...one, secrets })).toBe('right');
    expect(await verifier.verify({ ...one, secrets, secret: 'Password' })).toBe('wrong');
    const expired = [await importedRecord('password', NOW)];
    expect(await verifier.verify({ ...one, secrets: expired })).toBe('wrong');
  });

  test('is not right any more once it is gone, though it was seen before', async () => {
    const one = attempt({ secret: 'password', digestKey: KEY });
    const secrets = [await importedRecord('password', NOW + 10)];
    expect(await verifier.verify({ ...one, secrets })).toBe('right');
    expect(await cost({ ...one, secrets })).toBe(0);
    expect(await verifier.verify({ ...one, secrets: [] })).toBe('wrong');
    now = NOW + 10;
    expect(await verifier.verify({ ...one, secrets })).toBe('wrong');
    const renewed = [await importedRecord('other password')];
    expect(await verifier.verify({ ...one, secrets: renewed })).toBe('wrong');
  });

  test('costs the same for an unknown client as for a known one, whatever that has', async () => {
    const secret = 'a wrong guess';
    const drawn = drawnRecord(generateSecret());
    const [imported, another] = [await importedRecord('one'), await importedRecord('two')];
    const expired = await importedRecord('three', NOW - 1);
    const known = [[], [drawn], [imported], [drawn, imported], [imported, another], [expired]];
    const costs = [await cost(attempt({ secret }))];
    for (const secrets of known) {
      // oxlint-disable-next-line no-await-in-loop
      costs.push(await cost(attempt({ secret, secrets, digestKey: KEY })));
    }
    expect(costs).toEqual(costs.map(() => MAX_LIVE_SECRETS));
  });

  test('costs the same if it is right as if it is wrong, the first time', async () => {
    const secrets = [await importedRecord('one'), await importedRecord('two')];
    expect(await cost(attempt({ secret: 'one', secrets, digestKey: KEY }))).toBe(MAX_LIVE_SECRETS);
  });

  test('is compared with hashes of the same parameters for an unknown client', async () => {
    await cost(attempt({ secret: 'a wrong guess' }));
    const [first] = vi.mocked(verify).mock.calls;
    expect(parameters(first?.[0])).toEqual(parameters((await importedRecord('one')).verifier));
    expect(parameters(first?.[0])).toEqual(['', 'argon2id', 'v=19', 'm=19456,t=2,p=1']);
  });

  test('is never that of nobody', async () => {
    // What unknown clients are compared with is drawn anew; nothing must come of matching it.
    vi.mocked(verify).mockResolvedValueOnce(true);
    expect(await verifier.verify(attempt({ secret: 'lucky' }))).toBe('wrong');
  });

  test('guessed many times at once costs no more comparisons than the lane has room for', async () => {
    const secrets = [await importedRecord('password')];
    vi.mocked(verify).mockClear();
    const one = attempt({ secrets, digestKey: KEY });
    const verdicts = await Promise.all(
      Array.from({ length: 200 }, (_, n) => verifier.verify({ ...one, secret: `guess ${n}` })),
    );
    expect(verdicts.filter((verdict) => verdict === 'throttled').length).toBeGreaterThan(190);
    expect(vi.mocked(verify).mock.calls.length).toBeLessThanOrEqual(2 * MAX_LIVE_SECRETS);
  });
});
