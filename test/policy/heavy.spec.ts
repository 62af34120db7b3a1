/**
 * One zone's policy may cost as much as its limits allow: it is decided beside the thread that answers all
 * requests, for as long as nobody else feels it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReplica, type Replica } from '../setup/harness.js';
import { before } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { activate, metric, newSetVersion } from '../setup/policies.js';
import { callAdmin, createTestZone, PERMIT_ALL, type TestZone } from '../setup/zone.js';

let replica: Replica;
/** The zone whose policy takes seconds, one whose policy is plain, and one whose policy might take long and does not. */
let heavy: TestZone;
let plain: TestZone;
let careful: TestZone;

const RESOURCE = 'resource://compared';

/** Compares 550 records with 550 others, each of which has all scopes of the resource in it. */
const compares = (id: string, more = '') => {
  const records = (step: number) =>
    Array.from({ length: 550 }, (_, n) => `{a:resource.scopes,b:${(n * step) % 550}}`).join();
  return `@id("${id}") permit (principal, action == Action::"TokenExchange", resource) when { [${records(7)}].containsAll([${records(13)}])${more} };\n`;
};
/** Whatever reads the time is decided each time. */
const ANEW = ' && context has time && context.time.hour < 24';
const module = (name: string, count: number) =>
  Array.from({ length: count }, (_, n) => compares(`${name}-${n}`)).join('');

beforeAll(async () => {
  replica = await startReplica();
  [heavy, plain, careful] = await Promise.all([
    createTestZone(replica),
    createTestZone(replica),
    createTestZone(replica),
  ]);
  await heavy.admin('POST', '/resources', {
    identifier: RESOURCE,
    scopes: Array.from({ length: 200 }, (_, n) => `${'s'.repeat(100)}${n}`),
  });
  const version = await newSetVersion(
    heavy,
    ...['a', 'b', 'c', 'd'].map((name) => module(name, 8)),
  );
  expect((await activate(replica, heavy.zoneId, version.id)).status).toBe(200);
  await careful.activate(compares('once', ANEW));
});
afterAll(() => replica?.stop());

const heavySession = () => heavy.session({ resource: RESOURCE, scope: undefined });

describe('while one zone asks for what takes too long', () => {
  test('another one has its mandates, and probes their answers, before it is refused', async () => {
    const stuck = heavySession();
    const mandates = Promise.all(
      Array.from({ length: 10 }, () => persistently(() => plain.session())),
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
    expect(await metric(replica, 'mandate_policy_failures_total', { kind: 'time' })).toBe(1);
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
  await zone.activate(compares('again'));
  expect((await persistently(() => zone.session())).status).toBe(200);
  const remembered = () =>
    metric(replica, 'mandate_policy_decision_sources_total', { source: 'memory' });
  const earlier = await remembered();
  expect((await persistently(() => zone.session())).status).toBe(200);
  expect(await remembered()).toBe(earlier + 1);
});
