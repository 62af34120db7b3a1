/**
 * One zone's policy may cost as much as its limits allow: it is decided beside the thread that answers all
 * requests, for as long as nobody else feels it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditOf, borrowReplica, rows, type Replica } from '../setup/harness.js';
import { before } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import {
  activate,
  metric,
  newSetVersion,
  statusAt,
  type SetVersionView,
} from '../setup/policies.js';
import { callAdmin, createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

let replica: Replica;
/** The zone whose policy takes seconds, one whose policy is plain, and one whose policy might take long and does not. */
let heavy: TestZone;
let plain: TestZone;
let careful: TestZone;
let tooHeavy: SetVersionView;

interface Weight {
  readonly bound_ms: number;
  readonly measured_ms: number;
  readonly at_once_bytes: number;
}

const RESOURCE = 'resource://compared';

/** Compares records with as many others, each of which has all scopes of the resource in it. */
const compares = (id: string, count: number, more = '') => {
  const records = (step: number) =>
    Array.from({ length: count }, (_, n) => `{a:resource.scopes,b:${(n * step) % count}}`).join();
  return `@id("${id}") permit (principal, action == Action::"TokenExchange", resource) when { [${records(7)}].containsAll([${records(13)}])${more} };\n`;
};
/** Whatever reads the time is decided each time. */
const ANEW = ' && context has time && context.time.hour < 24';
/** So many that it is heavy, and so few that it never takes too long, by its bound: however busy the machine is. */
const HEAVY = 360;
const module = (name: string, count: number) =>
  Array.from({ length: count }, (_, n) => compares(`${name}-${n}`, 550)).join('');

beforeAll(async () => {
  replica = await borrowReplica();
  [heavy, plain, careful] = await Promise.all([
    createTestZone(replica),
    createTestZone(replica),
    createTestZone(replica),
  ]);
  await heavy.admin('POST', '/resources', {
    identifier: RESOURCE,
    scopes: Array.from({ length: 200 }, (_, n) => `${'s'.repeat(100)}${n}`),
  });
  tooHeavy = await newSetVersion(heavy, ...['a', 'b', 'c', 'd'].map((name) => module(name, 8)));
  // As a version before this one activated it, which did not weigh it.
  await rows(
    replica.databaseUrl,
    'UPDATE zones SET active_policy_set_version_id = $2 WHERE id = $1',
    [heavy.zoneId, tooHeavy.id],
  );
  // Compiled beforehand, as by an activation, so that a request has its time for the decision.
  await until(async () => {
    const { loaded, policy_set_version_id: id } = await statusAt(replica, heavy.zoneId);
    return loaded === true && id === tooHeavy.id;
  });
  await careful.activate(compares('once', HEAVY, ANEW));
});
afterAll(() => replica?.stop());

const heavySession = () => heavy.session({ resource: RESOURCE, scope: undefined });

describe('while one zone asks for what takes too long', () => {
  test('another one has its mandates, and probes their answers, before it is refused', async () => {
    const overruns = () => metric(replica, 'mandate_policy_failures_total', { kind: 'time' });
    const overrunsBefore = await overruns();
    const stuck = heavySession();
    // A few, since a machine that is busy takes some of the second in which that is given up.
    const mandates = Promise.all(
      Array.from({ length: 3 }, () => persistently(() => plain.session())),
    );
    const health = fetch(`${replica.url}/health`);
    for (const { status } of await before(mandates, stuck)) expect(status).toBe(200);
    expect((await before(health, stuck)).status).toBe(200);

    const refused = await stuck;
    expect(refused).toMatchObject({
      status: 503,
      body: { error: 'temporarily_unavailable' },
    });
    await expect
      .poll(async () => heavy.audit(refused.requestId))
      .toMatchObject([
        { outcome: 'failed', event: { error: 'temporarily_unavailable', reason: /policy thread/ } },
      ]);
    expect(await overruns()).toBe(overrunsBefore + 1);
  });

  test('however much it asks, one that is decided beside it has its turns', async () => {
    const over = new AbortController();
    const statuses = new Set<number>();
    const flood = Array.from({ length: 8 }, async () => {
      while (!over.signal.aborted) statuses.add((await heavySession()).status);
    });
    for (let count = 0; count < 3; count += 1) {
      expect((await persistently(() => careful.session())).status).toBe(200);
      expect((await persistently(() => plain.session())).status).toBe(200);
    }
    over.abort();
    await Promise.all(flood);
    expect([...statuses]).toEqual([503]);
  });

  test('it can be given another policy, and goes on by that', async () => {
    const stuck = heavySession();
    const version = await newSetVersion(heavy, PERMIT_ALL);
    expect((await activate(replica, heavy.zoneId, version.id)).status).toBe(200);
    expect((await persistently(heavySession)).status).toBe(200);
    await stuck;
  });
});

describe('activating a set', () => {
  test('that cannot decide the largest inputs in time is refused, and nothing changes', async () => {
    const active = (await heavy.admin('GET', '/policy'))['policy_set_version_id'];
    for (const path of ['/policy', '/policy/shadow']) {
      const refused = await callAdmin(replica, 'PUT', `/zones/${heavy.zoneId}${path}`, {
        policy_set_version_id: tooHeavy.id,
      });
      expect(refused).toMatchObject({
        status: 400,
        body: {
          error: 'invalid_request',
          error_description:
            'the policy set is too heavy: a decision on the largest input (32 KiB) takes more than 1000 ms, ' +
            'after which it is given up',
        },
      });
      expect(await auditOf(replica.databaseUrl, refused.requestId)).toEqual([]);
    }
    expect((await heavy.admin('GET', '/policy'))['policy_set_version_id']).toBe(active);
    expect(await heavy.admin('GET', '/policy/shadow')).toMatchObject({
      policy_set_version_id: null,
    });
  });

  test('that is heavy is answered with what it weighs and a warning, which are on record', async () => {
    const zone = await createTestZone(replica);
    const version = await newSetVersion(zone, compares('once', HEAVY));
    const activated = await activate(replica, zone.zoneId, version.id);
    expect(activated).toMatchObject({
      status: 200,
      body: {
        policy_set_version_id: version.id,
        weight: { bound_ms: expect.any(Number), measured_ms: expect.any(Number) },
        warnings: expect.arrayContaining([
          expect.stringMatching(/^inputs of more than \d+ bytes are decided on another thread/),
        ]),
      },
    });
    const { weight, warnings } = activated.body as { weight: Weight; warnings: string[] };
    expect(weight.measured_ms).toBeGreaterThan(0);
    expect(weight.bound_ms).toBeGreaterThan(25);
    expect(weight.at_once_bytes).toBeLessThan(4_096);
    expect(await auditOf(replica.databaseUrl, activated.requestId)).toMatchObject([
      { event: { type: 'admin.policy.activated', after: version.id, weight, warnings } },
    ]);
  });

  test('that is light is answered without a warning, and is not tried', async () => {
    const zone = await createTestZone(replica);
    const version = await newSetVersion(zone, PERMIT_ALL);
    expect(await activate(replica, zone.zoneId, version.id)).toMatchObject({
      status: 200,
      body: { weight: { measured_ms: null, at_once_bytes: 32 * 1_024 }, warnings: [] },
    });
  });
});

test('a decision that is made beside has the verdict, the reasons and the record of any other', async () => {
  const answer = await persistently(() => careful.session());
  expect(answer.status).toBe(200);
  expect(await careful.audit(answer.requestId)).toMatchObject([
    {
      outcome: 'issued',
      event: {
        policy: { decisions: [{ decision: 'allow', determining_policies: [{ policy: 'once' }] }] },
      },
    },
  ]);
  const replayed = await callAdmin(replica, 'POST', `/decisions/${answer.requestId}/replay`, {});
  expect(replayed).toMatchObject({ status: 200, body: { items: [{ same: true }] } });
});

test('what was decided beside is remembered, and takes no thread again', async () => {
  const zone = await createTestZone(replica);
  await zone.activate(compares('again', HEAVY));
  expect((await persistently(() => zone.session())).status).toBe(200);
  const remembered = () =>
    metric(replica, 'mandate_policy_decision_sources_total', { source: 'memory' });
  const earlier = await remembered();
  expect((await persistently(() => zone.session())).status).toBe(200);
  expect(await remembered()).toBe(earlier + 1);
});
