import { randomUUID } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, sharedReplica, type Replica } from '../setup/harness.js';
import { age, rotate } from '../setup/keys.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

async function kids({ zoneId }: TestZone): Promise<unknown[]> {
  const response = await fetch(`${replica.url}/.well-known/jwks.json?zone_id=${zoneId}`);
  const { keys } = (await response.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

const tokenOf = (answer: Answer) => String(answer.body['access_token']);
const kidOf = (answer: Answer) => decodeProtectedHeader(tokenOf(answer)).kid;

describe('a rotation', () => {
  test('publishes a key that signs once every cached key set has expired', async () => {
    const zone = await createTestZone(replica);
    const before = await zone.session();
    const started = Date.now();
    const rotation = await rotate(zone);
    expect(rotation).toMatchObject({
      status: 200,
      body: { rotated: true, zone_id: zone.zoneId, state: 'pending' },
    });
    const kid = rotation.body['kid'];
    const lead = Date.parse(String(rotation.body['activates_at'])) - started;
    expect(lead).toBeGreaterThan(300_000);
    expect(lead).toBeLessThan(900_000);
    expect(kid).not.toBe(kidOf(before));
    await expect.poll(() => kids(zone)).toEqual([kid, kidOf(before)]);
    expect(kidOf(await zone.session())).toBe(kidOf(before));

    await age(zone, 500);
    expect(kidOf(await zone.session())).toBe(kid);
    expect((await zone.exchange({ subject_token: tokenOf(before) })).status).toBe(200);
    await expect.poll(() => kids(zone)).toEqual([kid, kidOf(before)]);

    await age(zone, 3_700);
    await expect.poll(() => kids(zone)).toEqual([kid]);
    expect((await zone.exchange({ subject_token: tokenOf(before) })).status).toBe(400);
  });

  test('while one is pending changes nothing', async () => {
    const zone = await createTestZone(replica);
    const answers = await Promise.all(Array.from({ length: 5 }, () => rotate(zone)));
    const [first] = answers;
    for (const { body } of answers) expect(body).toEqual(first?.body);
    expect(await rows(replica.databaseUrl, keysOf, [zone.zoneId])).toHaveLength(2);
  });

  test('is on record', async () => {
    const zone = await createTestZone(replica);
    const { requestId, body } = await rotate(zone);
    expect(await auditOf(replica.databaseUrl, requestId)).toMatchObject([
      {
        zone_id: zone.zoneId,
        event: {
          type: 'admin.signing_key.rotated',
          kid: body['kid'],
          emergency: false,
          withdrawn_kids: [],
        },
      },
    ]);
  });
});

describe('an emergency', () => {
  test('lets a new key sign at once, and withdraws the one that leaked', async () => {
    const zone = await createTestZone(replica);
    const before = await zone.session();
    const leaked = kidOf(before);
    const rotation = await rotate(zone, '?emergency=true');
    expect(rotation).toMatchObject({ status: 200, body: { rotated: true, state: 'active' } });
    const { kid } = rotation.body;
    expect(kid).not.toBe(leaked);
    const refused = await zone.exchange({ subject_token: tokenOf(before) });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(kidOf(await zone.session())).toBe(kid);
    expect((await zone.exchange()).status).toBe(200);
    await expect.poll(() => kids(zone)).toEqual([kid]);
    expect(await auditOf(replica.databaseUrl, rotation.requestId)).toMatchObject([
      { event: { kid, emergency: true, withdrawn_kids: [leaked] } },
    ]);
  });

  test('withdraws also a key that signs no more: it may be the one that leaked', async () => {
    const zone = await createTestZone(replica);
    const before = await zone.session();
    await rotate(zone);
    await age(zone, 500);
    expect((await zone.exchange({ subject_token: tokenOf(before) })).status).toBe(200);
    const { kid } = (await rotate(zone, '?emergency=true')).body;
    expect((await zone.exchange({ subject_token: tokenOf(before) })).status).toBe(400);
    await expect.poll(() => kids(zone)).toEqual([kid]);
  });

  test('goes on with the pending key if there is one', async () => {
    const zone = await createTestZone(replica);
    const { kid } = (await rotate(zone)).body;
    expect((await rotate(zone, '?emergency=true')).body).toMatchObject({ kid, state: 'active' });
    expect(kidOf(await zone.session())).toBe(kid);
    await expect.poll(() => kids(zone)).toEqual([kid]);
  });

  test('can happen twice, and in every zone by itself', async () => {
    const [zone, other] = [await createTestZone(replica), await createTestZone(replica)];
    const untouched = await other.session();
    const first = (await rotate(zone, '?emergency=true')).body['kid'];
    const second = (await rotate(zone, '?emergency=true')).body['kid'];
    expect(second).not.toBe(first);
    expect(kidOf(await zone.session())).toBe(second);
    expect((await other.exchange({ subject_token: tokenOf(untouched) })).status).toBe(200);
  });

  test.each(['yes', '1', 'TRUE', ''])('is not guessed from emergency=%s', async (value) => {
    const zone = await createTestZone(replica);
    expect((await rotate(zone, `?emergency=${value}`)).status).toBe(400);
    expect(await rows(replica.databaseUrl, keysOf, [zone.zoneId])).toHaveLength(1);
  });
});

test('a zone that does not exist has no key to rotate', async () => {
  for (const id of [randomUUID(), 'x']) {
    const answer = await callAdmin(replica, 'POST', `/zones/${id}/signing-key/rotate`);
    expect(answer.status).toBe(404);
  }
});

const keysOf = 'SELECT kid FROM signing_keys WHERE zone_id = $1';
