import { expect, test } from 'vitest';
import { LEFT, MOVED } from '../admin/zone-moves/moved-tables.js';
import { SEALED_COLUMNS } from '../sealing/sealed-columns.js';
import { PLACEMENTS } from './distribution/placements.js';

/** What is whole on every node, and yet of zones. */
const OF_ZONES = ['outbound_policies', 'installation_webhook_zones'];

test('a table of zones is sent with a zone that moves, once, or is left for a reason', () => {
  const sent = MOVED.map(({ name }) => name);
  expect(new Set(sent).size).toBe(sent.length);
  expect(sent.filter((name) => name in LEFT)).toEqual([]);
  const known = new Set([...sent, ...Object.keys(LEFT)]);
  const ofZones = Object.keys(PLACEMENTS).filter((name) => PLACEMENTS[name] === 'zone');
  const sealed = SEALED_COLUMNS.map(({ table }) => table);
  expect([...ofZones, ...sealed, ...OF_ZONES].filter((name) => !known.has(name))).toEqual([]);
  expect([...known].filter((name) => !(name in PLACEMENTS))).toEqual([]);
});
