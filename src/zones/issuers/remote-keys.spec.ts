import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Fetched } from '../../platform/outbound/guarded-fetch.js';
import { KeysUnavailable } from './public-key-set.js';
import { RemoteKeys } from './remote-keys.js';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** A key server whose time and answers a test turns. */
function world() {
  const state = {
    now: 1_800_000_000_000,
    asked: [] as string[],
    failures: 0,
    kids: ['a'],
    maxAgeSeconds: null as number | null,
    down: false,
  };
  const remote = new RemoteKeys({
    now: () => state.now,
    failed: () => (state.failures += 1),
    async fetch(_zoneId, uri): Promise<Fetched> {
      state.asked.push(uri);
      await Promise.resolve();
      if (state.down) throw new Error('down');
      const jwk = publicKey.export({ format: 'jwk' });
      const keys = state.kids.map((kid) => ({
        kty: 'EC',
        crv: 'P-256',
        x: jwk.x ?? '',
        y: jwk.y ?? '',
        kid,
      }));
      return { value: { keys }, maxAgeSeconds: state.maxAgeSeconds };
    },
  });
  const knows = async (kid: string | null, uri = 'https://a', zone = 'zone') =>
    (await remote.at(zone, uri).keysFor(kid)).has(kid ?? 'a');
  return { state, knows };
}

test('asks once for many who ask together', async () => {
  const { state, knows } = world();
  const answers = await Promise.all(Array.from({ length: 50 }, () => knows('a')));
  expect(answers.every(Boolean)).toBe(true);
  expect(state.asked).toEqual(['https://a']);
});

test('keeps zones and addresses apart', async () => {
  const { state, knows } = world();
  await knows('a', 'https://a', 'one');
  await knows('a', 'https://a', 'two');
  await knows('a', 'https://b', 'one');
  expect(state.asked).toEqual(['https://a', 'https://a', 'https://b']);
});

test.each([
  [null, 5 * MINUTE],
  [0, MINUTE],
  [1, MINUTE],
  [600, 10 * MINUTE],
  [86_400, HOUR],
])('with max-age %s a set is fresh for %s ms', async (maxAgeSeconds, fresh) => {
  const { state, knows } = world();
  state.maxAgeSeconds = maxAgeSeconds;
  await knows('a');
  state.now += fresh - 1;
  await knows('a');
  expect(state.asked).toHaveLength(1);
  state.now += 1;
  await knows('a');
  expect(state.asked).toHaveLength(2);
});

test('looks for an unknown kid at once, and then every thirty seconds at most', async () => {
  const { state, knows } = world();
  await knows('a');
  state.kids = ['a', 'b'];
  // Just fetched: a key that is not there will hardly be there now.
  expect(await knows('b')).toBe(false);
  expect(state.asked).toHaveLength(1);
  state.now += 30 * SECOND;
  expect(await knows('b')).toBe(true);
  expect(state.asked).toHaveLength(2);
  for (let i = 0; i < 100; i += 1) {
    // oxlint-disable-next-line no-await-in-loop
    expect(await knows(`unknown ${i}`)).toBe(false);
  }
  expect(state.asked).toHaveLength(2);
  state.now += 30 * SECOND;
  await Promise.all(Array.from({ length: 20 }, (_, i) => knows(`unknown ${i}`)));
  expect(state.asked).toHaveLength(3);
});

test('asks nobody again for ten seconds after a failure', async () => {
  const { state, knows } = world();
  state.down = true;
  await expect(knows('a')).rejects.toThrow(KeysUnavailable);
  await expect(knows('a')).rejects.toThrow(KeysUnavailable);
  expect(state).toMatchObject({ asked: ['https://a'], failures: 1 });
  state.down = false;
  state.now += 10 * SECOND - 1;
  await expect(knows('a')).rejects.toThrow(KeysUnavailable);
  state.now += 1;
  expect(await knows('a')).toBe(true);
  expect(state.asked).toHaveLength(2);
});

test('does with what it has while the server is down, for an hour', async () => {
  const { state, knows } = world();
  await knows('a');
  state.down = true;
  state.now += 5 * MINUTE;
  expect(await knows('a')).toBe(true);
  expect(state.failures).toBe(1);
  state.now += HOUR - 1;
  expect(await knows('a')).toBe(true);
  state.now += 10 * SECOND;
  await expect(knows('a')).rejects.toThrow(KeysUnavailable);
});

test('forgets a key that is no longer published, as soon as it asks', async () => {
  const { state, knows } = world();
  await knows('a');
  state.kids = [];
  expect(await knows('a')).toBe(true);
  state.now += 5 * MINUTE;
  expect(await knows('a')).toBe(false);
});
