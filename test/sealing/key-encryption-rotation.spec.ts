import { setTimeout as sleep } from 'node:timers/promises';
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalKeyEncryption } from '../../src/sealing/local-key-encryption.js';
import { unseal, type SealContext } from '../../src/sealing/seal.js';
import { SEALED_COLUMNS } from '../../src/sealing/sealed-columns.js';
import { jsonOf, runCli, startCli } from '../setup/cli.js';
import {
  ADMIN_TOKEN,
  createDatabase,
  KEY_ENCRYPTION_KEY as OLD,
  rows,
  startReplica,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { fragmentOf, keyOn, openPage } from '../setup/pages.js';
import { metric } from '../setup/policies.js';
import { killProcesses, startProcess, until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** Zones that are sealed anew. The full proof: REWRAP_ZONES=200. */
const ZONES = Number(process.env['REWRAP_ZONES'] ?? 5);

const NEW = createHash('sha256').update('the next key-encryption key').digest('hex');
const idOf = (key: string) => new LocalKeyEncryption(Buffer.from(key, 'hex')).id;

const oldThenNew = { KEY_ENCRYPTION_KEY: OLD, KEY_ENCRYPTION_KEY_PREVIOUS: NEW };
const newThenOld = { KEY_ENCRYPTION_KEY: NEW, KEY_ENCRYPTION_KEY_PREVIOUS: OLD };

let databaseUrl: string;
let first: Replica;
let second: Replica;
let zone: TestZone;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  first = await startReplica({ databaseUrl, env: oldThenNew });
  zone = await createTestZone(first);
  // The key of checkpoints is one of the values that are sealed under the old key, from the first checkpoint on.
  await until(async () => (await rows(databaseUrl, 'SELECT 1 FROM checkpoint_keys')).length === 1);
});

afterAll(async () => {
  await killProcesses();
  await Promise.all([first?.stop(), second?.stop()]);
});

const mandate = (env: Record<string, string>, ...args: string[]) =>
  runCli(args, { DATABASE_URL: databaseUrl, ...env });

/** How many values are sealed under each key. */
async function usage(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { table, column, only = 'true' } of SEALED_COLUMNS) {
    const found = await rows<{ sealed: Buffer }>(
      databaseUrl,
      `SELECT ${column} AS sealed FROM ${table} WHERE ${column} IS NOT NULL AND ${only}`,
    );
    for (const { sealed } of found) {
      const id = sealed[0] === 1 ? 'format 1' : sealed.toString('latin1', 2, 2 + (sealed[1] ?? 0));
      counts[id] = (counts[id] ?? 0) + 1;
    }
  }
  return counts;
}

/** Makes a zone what the first release would have made of it. */
async function sealAsFirstRelease({ zoneId }: TestZone): Promise<void> {
  const key = Buffer.from(OLD, 'hex');
  const again = async (context: SealContext, sealed: Buffer | undefined): Promise<Buffer> => {
    const plain = await unseal([new LocalKeyEncryption(key)], context, sealed ?? Buffer.alloc(0));
    const nonce = randomBytes(12);
    const { purpose, zoneId: inZone, id } = context;
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(
      Buffer.from(JSON.stringify(['mandate', 1, purpose, inZone, id])),
    );
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([Buffer.of(1), nonce, body, cipher.getAuthTag()]);
  };
  const [row] = await rows<{ kid: string; sealed: Buffer; digest: Buffer }>(
    databaseUrl,
    `SELECT kid, sealed_private_key AS sealed, sealed_digest_key AS digest
       FROM signing_keys JOIN zones ON zones.id = zone_id WHERE zone_id = $1`,
    [zoneId],
  );
  const kid = String(row?.kid);
  await rows(
    databaseUrl,
    'UPDATE signing_keys SET sealed_private_key = $2 WHERE zone_id = $1 AND kid = $3',
    [zoneId, await again({ purpose: 'signing-key', zoneId, id: kid }, row?.sealed), kid],
  );
  await rows(databaseUrl, 'UPDATE zones SET sealed_digest_key = $2 WHERE id = $1', [
    zoneId,
    await again({ purpose: 'client-secret-digest-key', zoneId, id: zoneId }, row?.digest),
  ]);
  const check = createHmac('sha256', key).update('mandate key check').digest();
  await rows(
    databaseUrl,
    'UPDATE key_encryption_keys SET format = 1, check_value = $2 WHERE id = $1',
    [idOf(OLD), check],
  );
}

test('every column that holds something sealed is known', async () => {
  const found = await rows<{ name: string }>(
    databaseUrl,
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
      WHERE table_schema = 'public' AND data_type = 'bytea' AND column_name LIKE 'sealed%'`,
  );
  const known = new Set(SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`));
  expect([...known].toSorted()).toEqual(found.map(({ name }) => name).toSorted());
});

describe('changing the key-encryption key', () => {
  test('first lets every replica open what will be sealed under the next one', async () => {
    await sealAsFirstRelease(zone);
    expect((await zone.exchange()).status).toBe(200);
    expect((await fetch(`${first.url}/ready`)).status).toBe(200);
    second = await startReplica({ databaseUrl, env: newThenOld });
    const theirs = await createTestZone(second);
    const ours = { ...(await createTestZone(first)) };
    expect(await usage()).toEqual({ 'format 1': 2, [idOf(OLD)]: 3, [idOf(NEW)]: 2 });
    for (const made of [zone, theirs, ours]) {
      for (const replica of [first, second]) {
        expect((await fetch(`${replica.url}/ready`)).status).toBe(200);
        const answer = await fetch(`${replica.url}/oauth/2/token`, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_id: made.clientId,
            client_secret: made.secret,
            resource: made.resource,
          }),
        });
        expect(answer.status).toBe(200);
      }
    }
  });

  test('does not let go of one that is in use', async () => {
    const early = startProcess({
      DATABASE_URL: databaseUrl,
      KEY_ENCRYPTION_KEY: NEW,
      ADMIN_TOKEN,
      PORT: '0',
    });
    expect(await early.ended).toMatchObject({ code: 78 });
    expect(early.output()).toContain('still in use');
    expect(early.output()).toContain(`${idOf(OLD)}: 2 in zones.sealed_digest_key`);
    for (const key of [OLD, NEW]) expect(early.output()).not.toContain(key);
    const verified = await mandate({ KEY_ENCRYPTION_KEY: NEW }, 'keys', 'verify', '--json');
    expect(verified.code).toBe(1);
    expect(jsonOf(verified)).toMatchObject({ opened: 2 });
    expect(jsonOf(verified)['broken']).toHaveLength(5);
  });

  test('seals everything anew while both kinds of replica work, and goes on after being killed', async () => {
    const person = { subject: 'alice', kind: 'totp' };
    await zone.admin('POST', '/authenticators', person);
    const made = await zone.admin('POST', '/authenticators/enrolments', { subject: 'alice' });
    const link = fragmentOf(made['enrolment_url']);
    const key = keyOn((await openPage(second, '/step-up/enrol', { link })).text);
    const more: TestZone[] = [];
    for (let i = 0; i < ZONES; i += 1) more.push(await createTestZone(first));
    const working = { on: true };
    const statuses: number[] = [];
    const load = async (every: TestZone[]): Promise<void> => {
      for (let i = 0; working.on; i = (i + 1) % every.length) {
        const answer = await every[i]?.exchange();
        statuses.push(answer?.status ?? 0);
        await sleep(10);
      }
    };
    const loads = [load([zone, ...more]), load(more.toReversed())];

    // Somebody changes a zone just then, so that the command has to wait in the middle of its work.
    const held = await createTestZone(first);
    const others = await Promise.all([createTestZone(first), createTestZone(first)]);
    await withClient(databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM zones WHERE id = $1 FOR UPDATE', [held.zoneId]);
      const killed = startCli(['keys', 'rewrap'], { DATABASE_URL: databaseUrl, ...newThenOld });
      await expect
        .poll(async () => (await usage())[idOf(NEW)], { interval: 50 })
        .toBeGreaterThan(ZONES);
      killed.child.kill('SIGKILL');
      expect(await killed.ended).toMatchObject({ code: null });
      await client.query('ROLLBACK');
    });
    // All private keys, and at least the digest key that could not be replaced.
    expect((await usage())[idOf(OLD)]).toBeGreaterThan(ZONES + others.length);

    const run = await mandate(newThenOld, 'keys', 'rewrap', '--json');
    expect(run).toMatchObject({ code: 0, stderr: '' });
    await until(() => Promise.resolve(statuses.filter((status) => status === 200).length > 10));
    working.on = false;
    await Promise.all(loads);
    expect(await usage()).toEqual({ [idOf(NEW)]: 2 * ZONES + 15 });
    // Now and then a busy machine is too slow for an answer, but never because of a seal.
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    for (const replica of [first, second]) {
      expect(await metric(replica, 'mandate_seal_failures_total')).toBe(0);
    }
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(10);
    expect(jsonOf(run)).toMatchObject({ broken: [] });
    expect(key).toMatch(/^[A-Z2-7]{32}$/);
    expect(keyOn((await openPage(second, '/step-up/enrol', { link })).text)).toBe(key);
    expect((await zone.exchange()).status).toBe(200);

    const [count] = await rows<{ count: string; zones: string }>(
      databaseUrl,
      `SELECT count(*), count(DISTINCT zone_id) AS zones FROM audit_events a
        WHERE type = 'admin.sealed_value.rewrapped' AND audit_event(a)->>'to' = $1`,
      [idOf(NEW)],
    );
    expect(Number(count?.count)).toBe(2 * ZONES + 13);
    expect(Number(count?.zones)).toBe(ZONES + 6);
  });

  test('then lets go of the old one', async () => {
    const verified = await mandate(newThenOld, 'keys', 'verify', '--json');
    expect(verified.code).toBe(0);
    expect(jsonOf(verified)).toMatchObject({
      opened: 2 * ZONES + 15,
      broken: [],
      key_encryption_keys: expect.arrayContaining([
        { id: idOf(OLD), values: 0, seals: false, given: true, needed: false },
        { id: idOf(NEW), values: 2 * ZONES + 15, seals: true, given: true, needed: true },
      ]) as unknown,
    });
    for (const key of [OLD, NEW]) expect(verified.stdout).not.toContain(key);
    const alone = await startReplica({ databaseUrl, env: { KEY_ENCRYPTION_KEY: NEW } });
    await alone.stop();
  });
});

test('verify finds what was edited or swapped, and names it', async () => {
  const [one, two] = [await createTestZone(second), await createTestZone(second)];
  const [other] = await rows<{ sealed: Buffer }>(
    databaseUrl,
    'SELECT sealed_digest_key AS sealed FROM zones WHERE id = $1',
    [two.zoneId],
  );
  await rows(databaseUrl, 'UPDATE zones SET sealed_digest_key = $2 WHERE id = $1', [
    one.zoneId,
    other?.sealed,
  ]);
  const [key] = await rows<{ jwk: object }>(
    databaseUrl,
    'SELECT public_jwk AS jwk FROM signing_keys WHERE zone_id = $1',
    [one.zoneId],
  );
  await rows(databaseUrl, 'UPDATE signing_keys SET public_jwk = $2 WHERE zone_id = $1', [
    two.zoneId,
    JSON.stringify(key?.jwk),
  ]);
  const verified = await mandate(newThenOld, 'keys', 'verify', '--json');
  expect(verified.code).toBe(1);
  expect(jsonOf(verified)['foreign_public_keys']).toMatchObject([{ zone_id: two.zoneId }]);
  expect(jsonOf(verified)['broken']).toEqual([
    {
      table: 'zones',
      column: 'sealed_digest_key',
      zone_id: one.zoneId,
      id: one.zoneId,
      key_id: idOf(NEW),
    },
  ]);
  expect((await one.session()).status).toBe(503);
  const { body } = { body: await (await fetch(`${second.url}/metrics`)).text() };
  expect(body).toMatch(/mandate_seal_failures_total\{operation="open",reason="broken"\} [1-9]/);
});
