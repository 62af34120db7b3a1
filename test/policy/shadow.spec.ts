import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditOf, borrowReplicas, type Replica, rows, startReplica } from '../setup/harness.js';
import { activate, DENY_ALL, newSetVersion, statusAt } from '../setup/policies.js';
import { callAdmin, createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

let a: Replica;
let b: Replica;
let databaseUrl: string;

beforeAll(async () => {
  [a, b] = await borrowReplicas();
  ({ databaseUrl } = a);
});

afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()]);
});

interface Seen {
  readonly count: number;
  readonly examples: string[];
}

interface Summary {
  readonly policy_set_version_id: string | null;
  readonly evaluated: number;
  readonly differences: Record<string, Seen & { by_client: Record<string, Seen> }>;
}

const summaryAt = async (replica: Replica, { zoneId }: TestZone): Promise<Summary> =>
  (await callAdmin(replica, 'GET', `/zones/${zoneId}/policy/shadow`)).body as unknown as Summary;

const attach = (zone: TestZone, id: string) =>
  callAdmin(a, 'PUT', `/zones/${zone.zoneId}/policy/shadow`, { policy_set_version_id: id });

/** A zone with an active policy and a candidate that both replicas try by now. */
async function trying(active: string, candidate: string) {
  const zone = await createTestZone(a);
  await activate(a, zone.zoneId, (await newSetVersion(zone, active)).id);
  const version = await newSetVersion(zone, candidate);
  expect((await attach(zone, version.id)).status).toBe(200);
  for (const replica of [a, b]) {
    await expect
      .poll(async () => (await statusAt(replica, zone.zoneId))['shadow'])
      .toMatchObject({ loaded: true, policy_set_version_id: version.id });
  }
  return { zone, version };
}

const MFA = `@step_up("mfa") ${DENY_ALL}`;

describe('a candidate', () => {
  const kinds: readonly (readonly [string, string, string])[] = [
    ['allow_to_deny', PERMIT_ALL, DENY_ALL],
    ['deny_to_allow', DENY_ALL, PERMIT_ALL],
    ['allow_to_step_up', PERMIT_ALL, `${PERMIT_ALL}\n${MFA}`],
    ['step_up_to_allow', `${PERMIT_ALL}\n${MFA}`, PERMIT_ALL],
    ['deny_to_step_up', DENY_ALL, `${PERMIT_ALL}\n${MFA}`],
    ['step_up_to_deny', `${PERMIT_ALL}\n${MFA}`, DENY_ALL],
    [
      'error',
      PERMIT_ALL,
      '@id("e") permit (principal, action, resource) when { 9223372036854775807 + (if context has time then 1 else 2) > 0 };',
    ],
  ];

  test.each(kinds)('is counted where it differs: %s', async (kind, active, candidate) => {
    const { zone, version } = await trying(active, candidate);
    const other = await zone.newClient();
    const asOther = { client_id: other.clientId, client_secret: other.secret };
    // Registering a client changes the zone: what is new is loaded with the first request.
    const [untried] = [await zone.sessionAt(a), await zone.sessionAt(b)];
    const requests = [untried];
    for (let n = 0; n < 3; n += 1) requests.push(await zone.sessionAt(a));
    const theirs = await zone.sessionAt(b, asOther);
    await expect
      .poll(() => summaryAt(a, zone))
      .toMatchObject({
        policy_set_version_id: version.id,
        evaluated: 6,
        differences: {
          [kind]: {
            count: 6,
            by_client: {
              [zone.clientId]: { count: 5 },
              [other.clientId]: { count: 1, examples: [theirs.requestId] },
            },
          },
        },
      });
    const { differences } = await summaryAt(b, zone);
    expect(Object.keys(differences)).toEqual([kind]);
    const seen = differences[kind];
    expect(seen?.examples).toHaveLength(5);
    for (const id of seen?.examples ?? []) {
      expect(await auditOf(databaseUrl, id)).toHaveLength(1);
    }
    expect(seen?.by_client[zone.clientId]?.examples).toEqual(
      expect.arrayContaining(requests.map(({ requestId }) => requestId)),
    );
  });

  test('that decides the same is counted, and no difference', async () => {
    const { zone } = await trying(PERMIT_ALL, `${PERMIT_ALL} // the same`);
    await zone.sessionAt(a);
    await expect.poll(() => summaryAt(a, zone)).toMatchObject({ evaluated: 1, differences: {} });
  });

  test('never decides, and neither attaching nor detaching it does', async () => {
    const { zone, version } = await trying(PERMIT_ALL, DENY_ALL);
    expect((await zone.sessionAt(a)).status).toBe(200);
    const attached = await attach(zone, version.id);
    expect(await auditOf(databaseUrl, attached.requestId)).toMatchObject([
      { event: { type: 'admin.policy_shadow.changed', before: version.id, after: version.id } },
    ]);
    const detach = await callAdmin(a, 'DELETE', `/zones/${zone.zoneId}/policy/shadow`);
    expect(detach.status).toBe(204);
    expect(await auditOf(databaseUrl, detach.requestId)).toMatchObject([
      { event: { type: 'admin.policy_shadow.changed', before: version.id, after: null } },
    ]);
    for (const replica of [a, b]) {
      expect((await zone.sessionAt(replica)).status).toBe(200);
      expect(await statusAt(replica, zone.zoneId)).not.toHaveProperty('shadow');
    }
    expect(await summaryAt(a, zone)).toMatchObject({
      policy_set_version_id: null,
      evaluated: 0,
      differences: {},
    });
    // What was counted stays, and nothing was counted meanwhile.
    await attach(zone, version.id);
    await expect.poll(() => summaryAt(a, zone)).toMatchObject({ evaluated: 1 });
  });

  test('that is corrupt decides nothing, is counted nowhere, and is told', async () => {
    const { zone, version } = await trying(PERMIT_ALL, DENY_ALL);
    await rows(
      databaseUrl,
      `DO $$ BEGIN
         SET LOCAL session_replication_role = replica;
         UPDATE policy_set_versions SET manifest_sha256 = 'x' WHERE id = '${version.id}';
         SET LOCAL session_replication_role = origin;
         UPDATE zones SET version = version WHERE id = '${zone.zoneId}';
       END $$`,
    );
    for (const replica of [a, b]) {
      expect((await zone.sessionAt(replica)).status).toBe(200);
      expect(await statusAt(replica, zone.zoneId)).toMatchObject({
        loaded: true,
        shadow: { loaded: false, problem: expect.stringContaining('hash') },
      });
    }
    expect((await attach(zone, version.id)).status).toBe(422);
    expect((await summaryAt(a, zone)).evaluated).toBe(0);
    // Its row can go altogether.
    await rows(
      databaseUrl,
      `DO $$ BEGIN
         SET LOCAL session_replication_role = replica;
         DELETE FROM policy_set_versions WHERE id = '${version.id}';
         SET LOCAL session_replication_role = origin;
         UPDATE zones SET version = version WHERE id = '${zone.zoneId}';
       END $$`,
    );
    expect((await zone.sessionAt(a)).status).toBe(200);
  });

  test('of nothing known cannot be attached', async () => {
    const zone = await createTestZone(a);
    expect((await attach(zone, randomUUID())).status).toBe(404);
    const elsewhere = await newSetVersion(await createTestZone(a), PERMIT_ALL);
    expect((await attach(zone, elsewhere.id)).status).toBe(404);
  });
});

test('what was counted survives a replica that stops at once', async () => {
  const { zone } = await trying(PERMIT_ALL, DENY_ALL);
  const passing = await startReplica({ databaseUrl });
  const answers = [];
  // The first request loads the zone, and need not wait for the candidate.
  await expect
    .poll(async () => (await statusAt(passing, zone.zoneId))['shadow'])
    .toMatchObject({ loaded: true });
  for (let n = 0; n < 4; n += 1) answers.push(await zone.sessionAt(passing));
  expect(await passing.stop()).toBe(0);
  const { differences, evaluated } = await summaryAt(a, zone);
  expect(evaluated).toBe(4);
  expect(differences['allow_to_deny']?.examples.toSorted()).toEqual(
    answers.map(({ requestId }) => requestId).toSorted(),
  );
});
