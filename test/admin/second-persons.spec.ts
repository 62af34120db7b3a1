import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonOf, runCli } from '../setup/cli.js';
import { KEY_ENCRYPTION_KEY, rows, startReplica, type Replica } from '../setup/harness.js';
import { callWith, newOperator, withOwnKey, type TestOperator } from '../setup/operators.js';
import { until } from '../setup/process.js';

let replica: Replica;
let alice: TestOperator;
let bob: TestOperator;
let carol: TestOperator;

beforeAll(async () => {
  replica = await startReplica();
  alice = await withOwnKey(replica, await newOperator(replica, { role: 'owner' }));
  bob = await withOwnKey(replica, await newOperator(replica, { role: 'security' }));
  carol = await withOwnKey(replica, await newOperator(replica, { role: 'security' }));
  const on = await alice.call('PATCH', '/settings', { two_person_rule: true });
  if (on.status !== 200) throw new Error(JSON.stringify(on.body));
});

afterAll(async () => {
  await replica?.stop();
});

const newZone = async () =>
  String((await alice.call('POST', '/zones', { name: `zone ${randomUUID()}` })).body['id']);

const remove = (zone: string) => alice.call('DELETE', `/zones/${zone}`);

/** Has a zone removed, which waits for a second person. @returns the approval */
async function ask(zone: string): Promise<{ readonly id: string; readonly state: string }> {
  const { status, body } = await remove(zone);
  expect(status).toBe(428);
  return body['approval'] as { id: string; state: string };
}

const decide = async (by: TestOperator, id: string, decision = 'approve') => {
  const { status, body } = await by.call('POST', `/approvals/${id}/${decision}`, { reason: 'x' });
  return { status, why: String(body['error_description']) };
};

test('what somebody approved who may not approve it any more counts no more', async () => {
  const [zone, other] = [await newZone(), await newZone()];
  const first = await ask(zone);
  expect((await decide(carol, first.id)).status).toBe(200);
  expect((await ask(other)).state).toBe('open');
  const anew: unknown[] = [];
  for (const change of [{ zones: [other] }, { zones: null, role: 'auditor' }]) {
    // oxlint-disable-next-line no-await-in-loop
    const changed = await alice.call('PATCH', `/operators/${carol.id}`, change);
    expect(changed.status).toBe(200);
    // oxlint-disable-next-line no-await-in-loop
    const asked = await ask(zone);
    expect([asked.id === first.id, asked.state]).toEqual([false, 'open']);
    anew.push(asked.id);
  }
  expect(anew).toEqual([anew[0], anew[0]]);
  expect((await decide(bob, String(anew[0]))).status).toBe(200);
  expect((await remove(zone)).status).toBe(204);
  // Of the two who are left neither is left alone by the other.
  const left = await alice.call('PATCH', `/operators/${bob.id}`, { disabled: true });
  expect(left.status).toBe(409);
});

test('keys of a version before approve nothing, until each has drawn one', async () => {
  // As the upgrade finds them, and every process is told of it.
  await rows(
    replica.databaseUrl,
    'UPDATE operator_keys SET drawn_with = NULL, expires_at = expires_at',
  );
  await until(async () => {
    const { body } = await bob.call('GET', '/operators/me');
    return (body['key'] as { own: boolean }).own ? null : true;
  });
  const zone = await newZone();
  const before = await ask(zone);
  expect(await decide(bob, before.id)).toMatchObject({
    status: 403,
    why: expect.stringContaining('draw one with it') as string,
  });
  const own = await withOwnKey(replica, bob);
  expect(await decide(own, before.id)).toMatchObject({
    status: 403,
    why: 'your key is younger than what it is to decide',
  });
  expect((await decide(alice, before.id, 'reject')).status).toBe(200);
  expect((await decide(own, (await ask(zone)).id)).status).toBe(200);
  expect((await remove(zone)).status).toBe(204);
});

test('a key for oneself that is good for more takes two persons', async () => {
  const at = `/operators/${alice.id}/keys`;
  const hour = new Date(Date.now() + 3_600_000).toISOString();
  const short = await alice.call('POST', at, { expires_at: hour, addresses: ['127.0.0.0/8'] });
  expect(short.status).toBe(201);
  const stolen = callWith.bind(null, replica, String(short.body['key']));
  const within = { expires_at: hour, addresses: ['127.0.0.1/32'] };
  for (const more of [{}, { expires_at: hour }, { addresses: within.addresses }]) {
    // oxlint-disable-next-line no-await-in-loop
    const asked = await stolen('POST', at, more);
    expect([more, asked.status]).toEqual([more, 428]);
    expect(asked.body['approval']).toMatchObject({
      what: expect.stringContaining('good for more than the one before') as string,
    });
  }
  expect((await stolen('POST', at, within)).status).toBe(201);
});

test('a stolen key is revoked even if one is left alone by it, who can do nothing that takes two', async () => {
  const { body } = await alice.call('GET', `/operators/${bob.id}/keys`);
  for (const { id } of body['items'] as { id: string }[]) {
    // oxlint-disable-next-line no-await-in-loop
    expect([204, 404]).toContain(
      // oxlint-disable-next-line no-await-in-loop
      (await alice.call('DELETE', `/operators/${bob.id}/keys/${id}`)).status,
    );
  }
  expect((await bob.call('GET', '/operators/me')).status).toBe(401);
  const zone = await newZone();
  const waits = await ask(zone);
  expect((await decide(alice, waits.id)).status).toBe(403);
  expect((await alice.call('PATCH', '/settings', { two_person_rule: false })).status).toBe(428);
  expect((await alice.call('POST', `/operators/${bob.id}/keys`, {})).status).toBe(428);
});

test('the rule is turned off on a machine of the installation, and that is recorded', async () => {
  const zone = await newZone();
  await ask(zone);
  const turnOff = async () =>
    jsonOf(
      await runCli(['operators', 'turn-off-two-person-rule', '--json'], {
        DATABASE_URL: replica.databaseUrl,
        KEY_ENCRYPTION_KEY,
      }),
    );
  expect(await turnOff()).toEqual({ turned_off: true });
  expect((await alice.call('GET', '/settings')).body).toEqual({ two_person_rule: false });
  expect((await remove(zone)).status).toBe(204);
  expect(await turnOff()).toEqual({ turned_off: false });
  const events = await rows<{ event: object }>(
    replica.databaseUrl,
    `SELECT audit_event(a) AS event FROM audit_events a WHERE type = 'admin.two_person_rule.overridden'`,
  );
  expect(events.map(({ event }) => event)).toMatchObject([
    { operator: 'command line', before: true, after: false },
  ]);
});
