/** An activation is felt by nobody: every request around it is decided, by the old set or the new one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { borrowReplicas, type Replica, rows } from '../setup/harness.js';
import { changedInBetween } from '../setup/locks.js';
import { persistently } from '../setup/patience.js';
import { activate, DENY_ALL, newSetVersion } from '../setup/policies.js';
import { createTestZone, PERMIT_ALL, type Answer, type TestZone } from '../setup/zone.js';

const CLIENTS = 4;
const ACTIVATIONS = 10;

let replicas: readonly Replica[];
let zone: TestZone;

beforeAll(async () => {
  replicas = await borrowReplicas();
  const [first] = replicas;
  if (first === undefined) throw new Error('no replica');
  zone = await createTestZone(first);
});
afterAll(() => Promise.all(replicas.map((replica) => replica.stop())));

const ask = (replica: Replica): Promise<Answer> => zone.sessionAt(replica);

test('requests around activations are all decided, by one set or the other', async () => {
  const versions = [];
  for (let count = 0; count < ACTIVATIONS; count += 1) {
    versions.push(await newSetVersion(zone, PERMIT_ALL, harmless(count)));
  }
  const over = new AbortController();
  const statuses = new Map<number, number>();
  const granted = () => statuses.get(200) ?? 0;
  const load = replicas.flatMap((replica) =>
    Array.from({ length: CLIENTS }, async () => {
      while (!over.signal.aborted) {
        const { status, headers } = await ask(replica);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 503) expect(headers.get('retry-after')).toMatch(/^[1-9]/);
        await sleep(5);
      }
    }),
  );
  for (const { id } of versions) {
    for (const replica of replicas) {
      const before = granted();
      const activated = await persistently(() => activate(replica, zone.zoneId, id));
      expect(activated.status).toBe(200);
      await expect.poll(granted).toBeGreaterThan(before + CLIENTS);
    }
  }
  over.abort();
  await Promise.all(load);
  // The deadline of a route may pass on a machine that is busy, and is all that may.
  expect([...statuses.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(granted()).toBeGreaterThan(150);
  const [replica] = replicas;
  const refused = await rows(
    replica?.databaseUrl ?? '',
    `SELECT audit_event(a) AS event FROM audit_events a WHERE zone_id = $1 AND type = 'token_exchange'
        AND outcome <> 'issued' AND audit_event(a)->>'error' IS DISTINCT FROM 'temporarily_unavailable'`,
    [zone.zoneId],
  );
  expect(refused).toEqual([]);
});

test.each([
  ['permits as well', PERMIT_ALL, 200, undefined],
  ['denies', DENY_ALL, 403, 'access_denied'],
])(
  'a request that meets an activation at its commit is decided once more, by a set that %s',
  async (_set, policy, status, error) => {
    const [replica] = replicas;
    if (replica === undefined) throw new Error('no replica');
    const own = await createTestZone(replica);
    expect((await persistently(() => own.session())).status).toBe(200);
    const { id } = await newSetVersion(own, policy);
    const answer = await changedInBetween(
      replica.databaseUrl,
      [
        'SELECT 1 FROM clients WHERE zone_id = $1 AND id = $2 FOR UPDATE',
        [own.zoneId, own.clientId],
      ],
      () => own.session(),
      ['UPDATE zones SET active_policy_set_version_id = $2 WHERE id = $1', [own.zoneId, id]],
    );
    expect([answer.status, answer.body['error']]).toEqual([status, error]);
    const [event, ...more] = await own.audit(answer.requestId);
    expect(more).toEqual([]);
    expect(JSON.stringify(event)).toContain(id);
  },
);

const harmless = (count: number) =>
  `@id("n${count}") forbid (principal, action, resource) when { resource.id == "none" };`;
