import { describe, expect, test } from 'vitest';
import { instant } from '../../platform/config/clock.js';
import { KeySets } from './key-sets.service.js';

const ZONE = '01900000-0000-7000-8000-000000000001';

/** A database with one zone in it, which can go away, and a clock that can be moved. */
function world() {
  const state = { now: 1_000_000, away: false, queries: 0 };
  const row = {
    kid: 'k',
    alg: 'ES256',
    publicJwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' },
    certificate: null,
    publishedAt: instant(0),
    activatesAt: instant(0),
    retiresAt: null,
    expiresAt: null,
    compromisedAt: null,
  };
  const leaving = { ...row, kid: 'leaving', retiresAt: instant(0), expiresAt: instant(2_000_000) };
  const dataSource = {
    query: async (_text: string, [zone]: string[]) => {
      state.queries += 1;
      if (state.away) throw new Error('the database is away');
      return zone === ZONE ? [row, leaving] : [];
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is asked of it
  const keySets = new KeySets(
    dataSource as never,
    { now: () => state.now },
    { issuerUrl: 'https://sts.example' },
  );
  const kids = async () => {
    const body = (await keySets.find(ZONE))?.body.toString() ?? '{"keys":[]}';
    return (JSON.parse(body) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  return { state, keySets, kids };
}

describe('while the database is away', () => {
  test('a set is served for as long as was declared, and claims no freshness that it has not', async () => {
    const { state, keySets } = world();
    const read = await keySets.find(ZONE);
    expect(read?.cacheControl).toBe('public, max-age=300, stale-if-error=3600');
    state.away = true;
    for (const [seconds, cacheControl] of [
      [59, 'public, max-age=300, stale-if-error=3600'],
      [160, 'public, max-age=200, stale-if-error=3600'],
      [900, 'public, max-age=0, stale-if-error=3060'],
      [3_959, 'public, max-age=0, stale-if-error=1'],
    ] as const) {
      state.now = 1_000_000 + seconds * 1_000;
      expect((await keySets.find(ZONE))?.cacheControl).toBe(cacheControl);
    }
    state.now = 1_000_000 + 3_960_000;
    await expect(keySets.find(ZONE)).rejects.toThrow('away');
    state.away = false;
    expect((await keySets.find(ZONE))?.cacheControl).toBe(read?.cacheControl);
  });

  test('keys still leave it in time', async () => {
    const { state, kids } = world();
    expect(await kids()).toEqual(['k', 'leaving']);
    state.away = true;
    state.now = 1_999_999;
    expect(await kids()).toEqual(['k', 'leaving']);
    state.now = 2_000_000;
    expect(await kids()).toEqual(['k']);
  });

  test('it is not asked at each request', async () => {
    const { state, keySets } = world();
    await keySets.find(ZONE);
    state.away = true;
    state.now += 10_000;
    for (let i = 0; i < 100; i += 1) await keySets.find(ZONE);
    expect(state.queries).toBe(2);
  });

  test('a zone that nobody asked for before cannot be told from one that does not exist', async () => {
    const { state, keySets } = world();
    state.away = true;
    await expect(keySets.find(ZONE)).rejects.toThrow('away');
  });
});

test('a set is kept for seconds, and looked at again when its zone changed', async () => {
  const { state, keySets } = world();
  await Promise.all([keySets.find(ZONE), keySets.find(ZONE)]);
  await keySets.find(ZONE);
  expect(state.queries).toBe(1);
  expect(keySets.ready(ZONE)).not.toBeNull();
  keySets.invalidate(ZONE);
  expect(keySets.ready(ZONE)).toBeNull();
  await keySets.find(ZONE);
  expect(state.queries).toBe(2);
  expect(await keySets.find('another')).toBeNull();
});
