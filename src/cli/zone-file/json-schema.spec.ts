import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { beforeAll, describe, expect, test } from 'vitest';
import { format } from 'prettier';
import { parse } from 'yaml';
import { zoneFileSchema } from './json-schema.js';
import { WrongZoneFile } from './problems.js';
import { readZoneFile } from './read-zone-file.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

let fits: ValidateFunction;

beforeAll(() => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  formats.default(ajv);
  fits = ajv.compile(zoneFileSchema());
});

test('the schema in assets is the one that files are read by: -u writes it', async () => {
  const path = here('../../../assets/zone.schema.json');
  const text = await format(JSON.stringify(zoneFileSchema(), null, 2), {
    filepath: path,
    printWidth: 100,
  });
  await expect(text).toMatchFileSnapshot(path);
});

test('examples/zone.yaml fits it', async () => {
  const path = here('../../../examples/zone.yaml');
  expect(await readZoneFile(path)).toHaveLength(1);
  fits(parse(readFileSync(path, 'utf8')));
  expect(fits.errors).toBe(null);
});

const HEAD = { apiVersion: 'mandate/v1', zone: { name: 'a' } };

describe('what the reader refuses is refused by the schema, and the other way round', () => {
  test.each<[boolean, unknown]>([
    [true, HEAD],
    [true, { ...HEAD, clients: [] }],
    [true, { ...HEAD, clients: [{ name: 'a', secret: { env: 'A' } }] }],
    [true, { ...HEAD, policies: [{ name: 'a', text: 'permit' }], policy_set: { name: 'a' } }],
    [true, { ...HEAD, webhooks: [{ url: 'https://a.example/' }] }],
    [true, { ...HEAD, step_up_types: [{ type: 'approval', satisfied_by: ['totp'] }] }],
    [false, { zone: { name: 'a' } }],
    [false, { ...HEAD, apiVersion: 'mandate/v2' }],
    [false, { ...HEAD, zone: {} }],
    [false, { ...HEAD, zone: { name: ' a' } }],
    [false, { ...HEAD, zone: { name: 'a', issuer_mode: 'other' } }],
    [false, { ...HEAD, zones: [] }],
    [false, { ...HEAD, clients: [{ name: 'a', secret: 'hunter22' }] }],
    [false, { ...HEAD, clients: [{ name: 'a', secret: { generate: false } }] }],
    [false, { ...HEAD, clients: [{ name: 'a', client_id: 'x' }] }],
    [false, { ...HEAD, resources: [{ identifier: 'https://a.example' }] }],
    [false, { ...HEAD, resources: [{ identifier: 'a', scopes: [] }] }],
    [false, { ...HEAD, policies: [{ name: 'a', text: 'permit', file: 'b' }] }],
    [false, { ...HEAD, webhooks: [{ name: 'a' }] }],
  ])('%j: %j', async (fine, document) => {
    expect(fits(document)).toBe(fine);
    const read = readZoneFile('-', JSON.stringify(document));
    if (fine) expect(await read).toHaveLength(1);
    else await expect(read).rejects.toThrow(WrongZoneFile);
  });
});
