import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { borrowReplicas, type Replica, rows } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { exchangeAs } from '../setup/services.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

/** What is asked at once at each of two replicas. */
const AT_ONCE = 8;

/** Rows that take their time: all together longer than a request usually may. */
const SLOW = `
  CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM pg_sleep(0.15); RETURN NEW; END $$`;
const SLOW_TABLES = ['clients', 'delegation_edges'] as const;

let replicas: readonly [Replica, Replica];
let zone: TestZone;

beforeAll(async () => {
  replicas = await borrowReplicas();
  const { databaseUrl } = replicas[0];
  await rows(databaseUrl, SLOW);
  // A table after the other, so that no two are locked at once beside the servers.
  for (const table of SLOW_TABLES) {
    await rows(
      databaseUrl,
      `CREATE TRIGGER slow BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION slow()`,
    );
  }
  zone = await createTestZone(replicas[0]);
});
afterAll(async () => {
  const { databaseUrl } = replicas[0];
  for (const table of SLOW_TABLES) {
    await rows(databaseUrl, `DROP TRIGGER IF EXISTS slow ON ${table}`);
  }
  await rows(databaseUrl, 'DROP FUNCTION IF EXISTS slow');
  await Promise.all(replicas.map((replica) => replica.stop()));
});

/** Asks at both replicas at once, many times. */
function atOnce<T>(ask: (replica: Replica, nth: number) => Promise<T>): Promise<T[]> {
  return Promise.all(
    replicas.flatMap((replica) => Array.from({ length: AT_ONCE }, (_, nth) => ask(replica, nth))),
  );
}

const statuses = (answers: readonly { readonly status: number }[]) =>
  answers.map(({ status }) => status);

test('clients that are created at once are all created', async () => {
  const created = await atOnce((replica) =>
    callAdmin(replica, 'POST', `/zones/${zone.zoneId}/clients`, { name: `client ${randomUUID()}` }),
  );
  expect(new Set(statuses(created))).toEqual(new Set([201]));
  const listed = await zone.admin('GET', '/clients?limit=500');
  const ids = (listed['items'] as { id: string }[]).map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(created.map(({ body }) => body['id'])));
});

test('agents that work and clients that are created at once do not get in the way of each other', async () => {
  const app = await applicationOf(zone, zone);
  const token = await app.bearer();
  const source = await app.open();
  const answers = await atOnce(async (replica, nth) => {
    if (nth % 3 === 0) {
      const body = { name: `client ${randomUUID()}` };
      return callAdmin(replica, 'POST', `/zones/${zone.zoneId}/clients`, body);
    }
    const options = { token, url: replica.url };
    const opened = await app.call('POST', '/agent-sessions', { lifecycle: 'task' }, options);
    if (opened.status !== 201) return opened;
    const edge = {
      source_session_id: source,
      target_session_id: opened.body['id'],
      scopes: ['shared'],
    };
    return app.call('POST', '/delegations', edge, options);
  });
  expect(new Set(statuses(answers))).toEqual(new Set([201]));
});

test('exchanges at once on one budgeted delegation use all of it up, and are then denied', async () => {
  const app = await applicationOf(zone);
  const target = await app.open();
  const budget = 6;
  const edge = await app.delegate(await app.open(), target, { constraints: { budget } });
  const subject = tokenOf(
    await zone.session({
      client_id: app.clientId,
      client_secret: app.secret,
      resource: [zone.resource, zone.otherResource],
      scope: 'shared',
    }),
  );
  const answers = await atOnce((replica) =>
    // An exchange has less time than there may be work for a machine that does something else as well.
    persistently(() =>
      exchangeAs(app, replica.url, subject, {
        resource: zone.resource,
        agent_session_id: target,
        delegation_edge_id: edge,
      }),
    ),
  );
  const issued = await rows(
    zone.replica.databaseUrl,
    `SELECT 1 FROM audit_events a WHERE zone_id = $1 AND client_id = $2 AND outcome = 'issued'
        AND audit_event(a)->'mandate'->>'delegation_edge_id' = $3`,
    [zone.zoneId, app.clientId, edge],
  );
  expect(issued).toHaveLength(budget);
  const granted = answers.filter(({ status }) => status === 200);
  expect(granted.length).toBeLessThanOrEqual(budget);
  for (const { status, body } of answers.filter((answer) => !granted.includes(answer))) {
    expect([status, body['error']]).toEqual([400, 'invalid_grant']);
  }
});
