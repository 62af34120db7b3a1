import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captured } from '../../src/cli/captured.fixture.js';
import { startReplica, type Replica } from '../setup/harness.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let other: TestZone;

beforeAll(async () => {
  replica = await startReplica();
  [zone, other] = [await createTestZone(replica), await createTestZone(replica)];
});
afterAll(() => replica?.stop());

/** What a command line that works prints as JSON: one thing, or a line for each. */
async function answered(line: string): Promise<Record<string, unknown>[]> {
  const settings = { url: replica.url, token: replica.adminToken };
  const { code, out, err } = await captured([...line.split(' '), '--json'], { settings });
  expect([line, code, err]).toEqual([line, 0, expect.not.stringContaining('error')]);
  const texts = out.startsWith('{\n') ? [out] : out.split('\n').filter((each) => each !== '');
  return texts.map((text) => ({ ...(JSON.parse(text) as object) }));
}

test('webhooks of the installation are for zones by their names, or for all', async () => {
  const { name } = await zone.admin('GET', '');
  const url = `https://hooks.example/${randomUUID()}`;
  const all = 'installation-webhooks';
  const [made] = await answered(`${all} create ${url} --for-zone *`);
  expect(made).toMatchObject({ url, zone_ids: ['*'], secret: expect.stringMatching(/^whsec_/) });
  const words = ['--for-zone', String(name), '--for-zone', other.zoneId];
  const settings = { url: replica.url, token: replica.adminToken };
  const updated = await captured([all, 'update', url, ...words], { settings });
  expect([updated.code, updated.err]).toEqual([0, expect.not.stringContaining('error')]);
  const [shown] = await answered(`${all} show ${url}`);
  expect(shown).toMatchObject({ zone_ids: [zone.zoneId, other.zoneId].toSorted() });
  expect(await answered(`${all} list --told-of ${other.zoneId}`)).toEqual([shown]);
  await answered(`${all} test ${url}`);
  expect(await answered(`${all} deliveries list ${url}`)).toMatchObject([{ zone_id: null }]);
  expect(await answered(`${all} deliveries list ${url} --of-zone ${zone.zoneId}`)).toEqual([]);
  const replay = `${all} deliveries replay ${url} --from 2026-01-01T00:00:00Z --of-zone`;
  expect(await answered(`${replay} ${zone.zoneId}`)).toEqual([{ replayed: 0 }]);
  await answered(`${all} delete ${url} --yes`);
  expect(await answered(`${all} list`)).toEqual([]);
});

test('outbound policies of the installation are made, tried and removed', async () => {
  const all = 'installation-outbound-policies';
  const line = `create hooks --target webhook_delivery --host hooks.example`;
  expect(await answered(`${all} ${line}`)).toMatchObject([
    { name: 'hooks', allowed_host_patterns: ['hooks.example'] },
  ]);
  const attempt = 'try https://203.0.113.7/ --target webhook_delivery';
  expect(await answered(`${all} ${attempt}`)).toMatchObject([{ allowed: false }]);
  await answered(`${all} delete hooks --yes`);
  expect(await answered(`${all} list`)).toEqual([]);
});

test('clients are listed in whichever zones they are, whatever zone is said', async () => {
  const found = await answered(`clients list --all-zones --zone ${zone.zoneId}`);
  expect(found.map((each) => [each['zone_id'], each['id']])).toEqual(
    expect.arrayContaining([
      [zone.zoneId, zone.clientId],
      [other.zoneId, other.clientId],
    ]),
  );
  expect(await answered('clients list --all-zones --limit 1')).toHaveLength(1);
});
