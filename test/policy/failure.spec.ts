import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditOf, createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { activate, DENY_ALL, metric, newSetVersion, statusAt } from '../setup/policies.js';
import { createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

let a: Replica;
/** A replica that is never asked about a zone before something is wrong with it. */
let fresh: Replica;
let databaseUrl: string;
/** Whose policy is sound all the time. */
let sound: TestZone;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  [a, fresh] = await Promise.all([startReplica({ databaseUrl }), startReplica({ databaseUrl })]);
  sound = await createTestZone(a);
});

afterAll(async () => {
  await Promise.all([a?.stop(), fresh?.stop()]);
});

/** Changes rows with all triggers and constraints off, and then lets the replicas hear of it. */
const behindOurBack = (zone: TestZone, statement: string) =>
  rows(
    databaseUrl,
    `DO $$ BEGIN
       SET LOCAL session_replication_role = replica;
       ${statement};
       SET LOCAL session_replication_role = origin;
       UPDATE zones SET version = version WHERE id = '${zone.zoneId}';
     END $$`,
  );

interface Ready {
  readonly status: string;
  readonly details: { readonly policy: { readonly status: string; readonly broken_zones: number } };
}

async function readyAt(replica: Replica): Promise<{ status: number; body: Ready }> {
  const response = await fetch(`${replica.url}/ready`);
  return { status: response.status, body: (await response.json()) as Ready };
}

const failures = (replica: Replica, kind: string) =>
  metric(replica, 'mandate_policy_failures_total', { kind });

const FORBIDS_WRITING =
  '@id("ro") forbid (principal, action, resource) when { context.requested_scopes.contains("a:write") };';

const expectGranted = async (zone: TestZone, replica: Replica) =>
  expect((await persistently(() => zone.sessionAt(replica))).status).toBe(200);

/** A zone with two policies, which one replica has loaded. */
async function loadedZone() {
  const zone = await createTestZone(a);
  const version = await newSetVersion(zone, PERMIT_ALL, FORBIDS_WRITING);
  await persistently(() => activate(a, zone.zoneId, version.id));
  await expectGranted(zone, a);
  return { zone, version };
}

const member = (id: string) =>
  `(SELECT m.policy_version_id FROM policy_set_members m JOIN policy_versions v ON v.id = m.policy_version_id
     WHERE m.policy_set_version_id = '${id}' AND v.content LIKE '%"ro"%')`;

/** A text that does not compile, and hashes that are right about it: only a new schema of ours could do that. */
const uncompilable = (id: string) => `
  UPDATE policy_versions SET content = 'forbid', sha256 = encode(sha256('forbid'), 'hex')
   WHERE id = ${member(id)};
  UPDATE policy_set_versions SET manifest_sha256 = (
    SELECT encode(sha256(convert_to('[' || string_agg('["' || p.name || '","' || v.sha256 || '"]', ',' ORDER BY p.name) || ']', 'UTF8')), 'hex')
      FROM policy_set_members m
      JOIN policy_versions v ON v.id = m.policy_version_id
      JOIN policies p ON p.id = v.policy_id
     WHERE m.policy_set_version_id = '${id}')
   WHERE id = '${id}'`;

describe.each([
  {
    what: "a policy's text",
    kind: 'hash',
    damage: (id: string) =>
      `UPDATE policy_versions SET content = replace(content, 'forbid', 'permit') WHERE id = ${member(id)}`,
  },
  {
    what: "a text's hash",
    kind: 'hash',
    damage: (id: string) =>
      `UPDATE policy_versions SET sha256 = repeat('0', 64) WHERE id = ${member(id)}`,
  },
  {
    what: 'a text with its hash',
    kind: 'hash',
    damage: (id: string) =>
      `UPDATE policy_versions SET content = content || ' ', sha256 = encode(sha256(convert_to(content || ' ', 'UTF8')), 'hex')
        WHERE id = ${member(id)}`,
  },
  {
    what: 'the name of a policy',
    kind: 'hash',
    damage: (id: string) =>
      `UPDATE policies SET name = 'x' || name WHERE id = (SELECT policy_id FROM policy_versions WHERE id = ${member(id)})`,
  },
  {
    what: 'the manifest hash',
    kind: 'hash',
    damage: (id: string) =>
      `UPDATE policy_set_versions SET manifest_sha256 = repeat('0', 64) WHERE id = '${id}'`,
  },
  {
    what: 'a membership that is gone',
    kind: 'hash',
    damage: (id: string) =>
      `DELETE FROM policy_set_members WHERE policy_set_version_id = '${id}' AND policy_version_id = ${member(id)}`,
  },
  {
    what: 'all memberships gone',
    kind: 'hash',
    damage: (id: string) => `DELETE FROM policy_set_members WHERE policy_set_version_id = '${id}'`,
  },
  {
    what: 'a membership too many',
    kind: 'hash',
    damage: (id: string) =>
      `INSERT INTO policy_set_members
       SELECT v.zone_id, '${id}', v.id FROM policy_versions v JOIN policy_set_versions s ON s.zone_id = v.zone_id
        WHERE s.id = '${id}' AND v.id NOT IN (SELECT policy_version_id FROM policy_set_members WHERE policy_set_version_id = '${id}')
        LIMIT 1`,
  },
  {
    what: 'a policy version that is gone',
    kind: 'missing',
    damage: (id: string) => `DELETE FROM policy_versions WHERE id = ${member(id)}`,
  },
  {
    what: 'a policy that is gone',
    kind: 'missing',
    damage: (id: string) =>
      `DELETE FROM policies WHERE id = (SELECT policy_id FROM policy_versions WHERE id = ${member(id)})`,
  },
  {
    what: 'a set version that is gone',
    kind: 'missing',
    damage: (id: string) => `DELETE FROM policy_set_versions WHERE id = '${id}'`,
  },
  { what: 'a text that does not compile', kind: 'compile', damage: uncompilable },
])('with $what', ({ kind, damage }) => {
  test('every replica denies, and says so everywhere', async () => {
    const { zone, version } = await loadedZone();
    const healing = await newSetVersion(zone, PERMIT_ALL);
    const before = await failures(a, kind);
    const freshBefore = await failures(fresh, kind);
    await behindOurBack(zone, damage(version.id));
    for (const replica of [a, fresh]) {
      const answer = await zone.sessionAt(replica);
      expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      expect(JSON.stringify(answer.body)).not.toMatch(/policy|hash|gone/);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await auditOf(databaseUrl, answer.requestId)).toMatchObject([
        {
          outcome: 'failed',
          client_id: zone.clientId,
          event: {
            error: 'temporarily_unavailable',
            reason: expect.stringContaining('policy: '),
            policy: { policy_set_version_id: version.id },
          },
        },
      ]);
      expect(await statusAt(replica, zone.zoneId)).toMatchObject({
        zone_id: zone.zoneId,
        loaded: false,
        policy_set_version_id: version.id,
        problem: expect.any(String),
      });
      // The other zones go on, and so does the replica.
      await expectGranted(sound, replica);
      const { status, body } = await readyAt(replica);
      expect({ status, ready: body.status }).toEqual({ status: 200, ready: 'ok' });
      expect(body.details.policy.broken_zones).toBeGreaterThanOrEqual(1);
      expect(JSON.stringify(body)).not.toContain(zone.zoneId);
    }
    expect(await failures(a, kind)).toBe(before + 1);
    expect(await failures(fresh, kind)).toBe(freshBefore + 1);
    // Nobody can make it the active one again; another one heals the zone.
    expect((await activate(a, zone.zoneId, version.id)).status).toBeGreaterThanOrEqual(400);
    const healed = await persistently(() => activate(a, zone.zoneId, healing.id));
    expect(healed.status).toBe(200);
    for (const replica of [a, fresh]) await expectGranted(zone, replica);
    expect((await readyAt(fresh)).body.details.policy.broken_zones).toBe(0);
  });
});

test('without an active set everything is denied', async () => {
  const { zone } = await loadedZone();
  const before = await failures(a, 'no_active_set');
  await rows(databaseUrl, 'UPDATE zones SET active_policy_set_version_id = NULL WHERE id = $1', [
    zone.zoneId,
  ]);
  const answer = await zone.sessionAt(a);
  expect(answer).toMatchObject({ status: 403, body: { error: 'access_denied' } });
  expect(await failures(a, 'no_active_set')).toBe(before + 1);
  expect(await auditOf(databaseUrl, answer.requestId)).toMatchObject([
    {
      outcome: 'denied',
      event: { reason: 'no policy set is active', policy: { policy_set_version_id: null } },
    },
  ]);
  expect(await statusAt(a, zone.zoneId)).toEqual({ zone_id: zone.zoneId, loaded: false });
});

test('what cannot be evaluated is denied, whatever else permits', async () => {
  const { zone } = await loadedZone();
  const overflow = `@id("sum") forbid (principal, action, resource) when {
    context has requested_ttl_seconds && context.requested_ttl_seconds + 9223372036854775807 > 0 };`;
  const version = await newSetVersion(zone, PERMIT_ALL, overflow);
  await persistently(() => activate(a, zone.zoneId, version.id));
  await expectGranted(zone, a);
  const before = await failures(a, 'evaluation');
  const answer = await zone.sessionAt(a, { ttl_seconds: '60' });
  expect(answer).toMatchObject({ status: 403, body: { error: 'access_denied' } });
  expect(await failures(a, 'evaluation')).toBe(before + 1);
  expect(await auditOf(databaseUrl, answer.requestId)).toMatchObject([
    {
      outcome: 'denied',
      event: {
        policy: {
          policy_set_version_id: version.id,
          decisions: [
            { decision: 'deny', evaluation_status: 'error', diagnostics: [{ policy: 'sum' }] },
          ],
        },
      },
    },
  ]);
});

test('an input beyond its limit is denied, and the reason is clear', async () => {
  const { zone } = await loadedZone();
  const identifier = 'resource://huge';
  const scopes = Array.from({ length: 190 }, (_, n) => `${'s'.repeat(190)}${n}`);
  await zone.admin('POST', '/resources', { identifier, scopes });
  const before = await failures(a, 'limit');
  const answer = await zone.sessionAt(a, { resource: identifier, scope: scopes[0] ?? '' });
  expect(answer).toMatchObject({ status: 403, body: { error: 'access_denied' } });
  expect(await failures(a, 'limit')).toBe(before + 1);
  const [row] = await auditOf(databaseUrl, answer.requestId);
  expect(row?.event).toMatchObject({
    policy: {
      decisions: [
        {
          evaluation_status: 'error',
          diagnostics: [{ limit: 'input', message: expect.stringMatching(/more than 32768/) }],
        },
      ],
    },
  });
  await expectGranted(zone, a);
});

test('a set that only denies is no failure', async () => {
  const { zone } = await loadedZone();
  const all = () => metric(a, 'mandate_policy_failures_total');
  await activate(a, zone.zoneId, (await newSetVersion(zone, DENY_ALL)).id);
  const before = await all();
  expect((await zone.sessionAt(a)).status).toBe(403);
  expect(await all()).toBe(before);
});
