import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { NO_ZONE } from '../../ledger/entry.js';
import { parseManifest } from './zone-file.js';

const KEY = randomUUID();
const WHOLE = {
  key: KEY,
  zoneId: randomUUID(),
  move: randomUUID(),
  name: 'shop',
  from: 'https://sts.example',
  schema: 'Zones1',
  days: {},
  policies: { active: null, shadow: null },
  counters: {},
  checkpoint: { body: 'body', note: 'note' },
};
const parse = (members: object) => parseManifest(JSON.stringify({ ...WHOLE, ...members }), KEY);

test('a manifest says of which zone a file is, and for which key', () => {
  expect(parse({})).toEqual(WHOLE);
  for (const members of [
    { zoneId: 'shop' },
    { move: undefined },
    { from: 'nowhere' },
    { days: null },
    { policies: 'none' },
    { checkpoint: {} },
  ]) {
    expect(() => parse(members)).toThrow('the file does not say what it is');
  }
});

test('what is of no zone is not received, nor what was written for another key', () => {
  expect(() => parse({ zoneId: NO_ZONE })).toThrow('it is of no zone');
  expect(() => parse({ key: randomUUID() })).toThrow('it was written for another installation');
  expect(() => parse({ key: undefined })).toThrow('it was written for another installation');
});
