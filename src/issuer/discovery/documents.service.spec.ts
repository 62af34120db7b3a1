import type { DataSource } from 'typeorm';
import { expect, test } from 'vitest';
import type { ChangeFeed } from '../../platform/database/change-feed.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import type { MetadataSignatures } from './metadata-signatures.service.js';
import { MetadataDocuments } from './documents.service.js';

const ZONE = '01900000-0000-7000-8000-000000000001';
const HOUR = 3_600_000;

/** Documents of a zone in a database that can be taken away. */
function made() {
  const world = { now: 1_000_000, away: false, rows: [zone('zone')] };
  const database = {
    query: async () => {
      if (world.away) throw new Error('the database is away');
      return world.rows;
    },
  };
  const documents = new MetadataDocuments(
    database as unknown as DataSource,
    new EndpointMetadata(),
    { sign: async () => ({}) } as unknown as MetadataSignatures,
    { subscribe: () => undefined } as unknown as ChangeFeed,
    { issuerUrl: 'https://sts.example', workers: 1, compatPaths: [] },
    { now: () => world.now },
  );
  return { world, documents };
}

const zone = (issuerMode: 'zone' | 'own' | 'shared') => ({
  zoneId: ZONE,
  issuerMode,
  issuerUrl: issuerMode === 'own' ? 'https://id.example' : null,
  standard: 'ES256',
  bridge: null,
  keys: [],
  resourceAlgs: [],
  listed: [],
  scopes: [],
  claims: [],
  detailTypes: [],
  languages: null,
  away: null,
});

test('metadata that is known is served while the database is away, for as long as it says', async () => {
  const { world, documents } = made();
  const before = await documents.find('server', ZONE);
  expect(before?.cacheControl).toBe('public, max-age=300, stale-if-error=3600');
  world.away = true;
  for (const passed of [60_000, HOUR - 120_000]) {
    world.now += passed;
    // oxlint-disable-next-line no-await-in-loop -- as time passes
    const found = await documents.find('server', ZONE);
    expect([passed, found?.etag]).toEqual([passed, before?.etag]);
    // All others who ask are answered without a query, for a moment.
    expect(documents.ready('server', ZONE)?.etag).toBe(before?.etag);
  }
  await expect(documents.find('openid', ZONE)).rejects.toThrow('the database is away');
  world.now += HOUR;
  await expect(documents.find('server', ZONE)).rejects.toThrow('the database is away');
});

test('what is removed is known no more, even while the database is away after that', async () => {
  const { world, documents } = made();
  await documents.find('server', ZONE);
  world.rows = [];
  documents.onChange(ZONE);
  expect(documents.ready('server', ZONE)).toBeNull();
  expect(await documents.find('server', ZONE)).toBeNull();
  world.away = true;
  await expect(documents.find('server', ZONE)).rejects.toThrow('the database is away');
});

test.each([
  ['zone', ['server', 'openid']],
  ['own', ['own-server', 'own-openid']],
  ['shared', []],
] as const)('of a zone with the mode %s there is %j', async (mode, there) => {
  const { world, documents } = made();
  world.rows = [zone(mode)];
  const kinds = ['server', 'openid', 'own-server', 'own-openid'] as const;
  const found = await Promise.all(kinds.map((kind) => documents.find(kind, ZONE)));
  expect(kinds.filter((_, n) => found[n] !== null)).toEqual(there);
  expect(await documents.find('configured', ZONE)).not.toBeNull();
});
