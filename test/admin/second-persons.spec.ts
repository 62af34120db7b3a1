import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonOf, runCli } from '../setup/cli.js';
import { KEY_ENCRYPTION_KEY, rows, startReplica, type Replica } from '../setup/harness.js';
import { newOperator, withOwnKey, type TestOperator } from '../setup/operators.js';
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
  const revoked = await alice.call('DELETE', `/operators/${bob.id}/keys/${bob.keyId}`);
  expect(revoked.status).toBe(409);
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
