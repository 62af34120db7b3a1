import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { auditOf as eventsOf, rows, startReplica, type Replica } from '../setup/harness.js';
import { newOperator, withOwnKey, type TestOperator } from '../setup/operators.js';
import { newSetVersion } from '../setup/policies.js';
import { persistently } from '../setup/patience.js';
import {
  callAdmin,
  createTestZone,
  PERMIT_ALL,
  type Answer,
  type TestZone,
} from '../setup/zone.js';

let replica: Replica;
let other: Replica;
let alice: TestOperator;
let bob: TestOperator;
/** Bob, with the key that he was given. */
let drawnForBob: TestOperator;
let carol: TestOperator;
let dave: TestOperator;
let auditor: TestOperator;
let near: TestOperator;
let nearby: { readonly id: string };
/** One that was there before the rule. */
let tested: TestZone;

beforeAll(async () => {
  replica = await startReplica();
  other = await startReplica({ databaseUrl: replica.databaseUrl });
  tested = await createTestZone(replica);
  alice = await withOwnKey(replica, await newOperator(replica, { role: 'owner', name: 'Alice' }));
  drawnForBob = await newOperator(replica, { role: 'security', name: 'Bob' });
  bob = await withOwnKey(replica, drawnForBob);
  // While the rule is on, it takes two persons to make one.
  carol = await withOwnKey(replica, await newOperator(replica, { role: 'security' }));
  dave = await withOwnKey(replica, await newOperator(replica, { role: 'owner' }));
  auditor = await newOperator(replica, { role: 'auditor' });
  nearby = await newZone();
  near = await withOwnKey(
    replica,
    await newOperator(replica, { role: 'security', zones: [nearby.id] }),
  );
  const on = await alice.call('PATCH', '/settings', { two_person_rule: true });
  if (on.status !== 200) throw new Error(JSON.stringify(on.body));
});

afterAll(async () => {
  await Promise.all([replica?.stop(), other?.stop()]);
});

const asAdminKey = (method: string, path: string, body?: unknown) =>
  persistently(() => callAdmin(replica, method, path, body));

interface Asked {
  readonly id: string;
  readonly what: string;
  readonly state: string;
  readonly url: string;
}

function askedIn({ status, body }: Answer): Asked {
  expect([status, body['error']]).toEqual([428, 'approval_required']);
  return body['approval'] as Asked;
}

const approve = (by: TestOperator, id: string) =>
  by.call('POST', `/approvals/${id}/approve`, { reason: 'I know of it' });

const newZone = async () => {
  const made = await alice.call('POST', '/zones', { name: `zone ${randomUUID()}` });
  return { id: String(made.body['id']), name: String(made.body['name']) };
};

const auditOf = (requestId: string) => eventsOf(replica.databaseUrl, requestId);

describe('a zone', () => {
  let zone: { readonly id: string; readonly name: string };
  beforeEach(async () => {
    zone = await newZone();
  });
  const remove = (by: TestOperator, headers?: Record<string, string>) =>
    by.call('DELETE', `/zones/${zone.id}`, undefined, headers);
  const isThere = async () => (await alice.call('GET', `/zones/${zone.id}`)).status === 200;

  test('is deleted by who asked for it, once another operator has approved it', async () => {
    const refused = await remove(alice);
    const asked = askedIn(refused);
    expect(asked).toEqual({
      id: expect.any(String) as string,
      url: `/internal/approvals/${asked.id}`,
      what: `delete the zone "${zone.name}"`,
      state: 'open',
      expires_at: expect.any(String) as string,
    });
    expect(await isThere()).toBe(true);
    const [requested] = await auditOf(refused.requestId);
    expect(requested?.event).toMatchObject({
      type: 'admin.approval.requested',
      operator: 'Alice',
      approval_id: asked.id,
      action: 'delete_zone',
    });
    // Asked for again, it is the same.
    expect(askedIn(await remove(alice))).toEqual(asked);
    const listed = await bob.call('GET', `/approvals?state=open&zone=${zone.id}`);
    expect(listed.body['items']).toMatchObject([{ id: asked.id, asked_by: 'Alice' }]);

    const approved = await approve(bob, asked.id);
    expect([approved.status, approved.body]).toMatchObject([
      200,
      { id: asked.id, state: 'approved', decided_by: 'Bob', reason: 'I know of it' },
    ]);
    expect(await isThere()).toBe(true);
    const removed = await remove(alice);
    expect(removed.status).toBe(204);
    expect(await isThere()).toBe(false);
    const events = await auditOf(removed.requestId);
    expect(events.map(({ event }) => event)).toMatchObject([
      {
        type: 'admin.zone.deleted',
        operator: 'Alice',
        operator_id: alice.id,
        approval_id: asked.id,
        approved_by: 'Bob',
        approved_by_id: bob.id,
      },
    ]);
    expect((await alice.call('GET', asked.url.replace('/internal', ''))).body['state']).toBe(
      'used',
    );
  });

  test('is not deleted by the approval of who asked, of the admin key, or of another', async () => {
    const asked = askedIn(await remove(alice));
    expect((await approve(alice, asked.id)).status).toBe(403);
    const key = await alice.call('POST', `/operators/${alice.id}/keys`, {});
    const again = await asAdminKey('POST', `/approvals/${asked.id}/approve`, { reason: 'yes' });
    expect([key.status, again.status]).toEqual([201, 403]);
    expect((await approve(auditor, asked.id)).status).toBe(403);
    expect(askedIn(await remove(alice)).state).toBe('open');
    expect(await isThere()).toBe(true);
  });

  test('is not deleted by the approval of a colleague whom who asked has made up', async () => {
    const asked = askedIn(await remove(alice));
    const made = await alice.call('POST', '/operators', { name: randomUUID(), role: 'owner' });
    expect(made.status).toBe(201);
    // Nor of one who was there before: neither has a key without somebody else.
    for (const id of [String(made.body['id']), bob.id]) {
      const drawn = askedIn(await alice.call('POST', `/operators/${id}/keys`, {}));
      expect(drawn.what).toMatch(/^draw a key for the operator ".*" \((owner|security)\)$/);
      expect((await approve(alice, drawn.id)).status).toBe(403);
      expect((await alice.call('GET', `/operators/${id}/keys`)).body['items']).toHaveLength(
        id === bob.id ? 2 : 0,
      );
    }
    expect((await asAdminKey('POST', `/operators/${bob.id}/keys`, {})).status).toBe(403);
    expect((await approve(bob, asked.id)).status).toBe(200);
  });

  test('is not deleted by the approval of who has the key that was drawn for somebody else', async () => {
    const asked = askedIn(await remove(alice));
    const refused = await approve(drawnForBob, asked.id);
    expect([refused.status, refused.body['error_description']]).toEqual([
      403,
      expect.stringContaining('somebody else drew your key'),
    ]);
    // It has drawn one, by which Bob knows that nobody else has drawn one with it.
    expect((await drawnForBob.call('POST', '/operators/me/keys', {})).status).toBe(409);
    expect((await approve(bob, asked.id)).status).toBe(200);
  });

  test('is deleted by the approval of a key that takes the place of one that was there before', async () => {
    const asked = askedIn(await remove(alice));
    const next = await withOwnKey(replica, bob);
    expect((await approve(next, asked.id)).status).toBe(200);
  });

  test('is not deleted by the admin key, which is nobody by name', async () => {
    const refused = await asAdminKey('DELETE', `/zones/${zone.id}`);
    expect([refused.status, refused.body['error']]).toEqual([403, 'access_denied']);
    expect(await isThere()).toBe(true);
  });

  test('is not deleted by an approval that was rejected, used, or expired, or of what it was', async () => {
    const rejected = askedIn(await remove(alice));
    const no = await bob.call('POST', `/approvals/${rejected.id}/reject`, { reason: 'no' });
    expect([no.status, no.body['state']]).toEqual([200, 'rejected']);
    expect((await approve(bob, rejected.id)).status).toBe(409);
    const second = askedIn(await remove(alice));
    expect(second.id).not.toBe(rejected.id);

    await approve(bob, second.id);
    await alice.call('PATCH', `/zones/${zone.id}`, { name: `renamed ${randomUUID()}` });
    const third = askedIn(await remove(alice));
    expect(third.id).not.toBe(second.id);
    await approve(bob, third.id);
    await rows(
      replica.databaseUrl,
      `UPDATE approvals SET asked_at = now() - interval '25 hours', expires_at = now() - interval '1 hour'
        WHERE id = $1`,
      [third.id],
    );
    expect((await alice.call('GET', `/approvals/${third.id}`)).body['state']).toBe('expired');
    expect(askedIn(await remove(alice)).id).not.toBe(third.id);
    expect(await isThere()).toBe(true);
  });

  test('is not deleted by the approval of somebody who is an operator no more', async () => {
    const asked = askedIn(await remove(alice));
    expect((await approve(carol, asked.id)).status).toBe(200);
    const disabled = await alice.call('PATCH', `/operators/${carol.id}`, { disabled: true });
    expect(disabled.status).toBe(200);
    const anew = askedIn(await remove(alice));
    expect([anew.id === asked.id, anew.state]).toEqual([false, 'open']);
    expect((await alice.call('DELETE', `/operators/${carol.id}`)).status).toBe(204);
    expect(askedIn(await remove(alice)).id).toBe(anew.id);
    expect(await isThere()).toBe(true);
    await approve(bob, anew.id);
    expect((await remove(alice)).status).toBe(204);
  });

  test('is not deleted by the approval of another request, or that somebody else asked for', async () => {
    const victim = zone;
    const asked = askedIn(await remove(alice));
    await approve(bob, asked.id);
    zone = await newZone();
    expect(askedIn(await remove(alice, { approval: asked.id })).id).not.toBe(asked.id);
    zone = victim;
    expect(askedIn(await remove(dave, { approval: asked.id })).id).not.toBe(asked.id);
    expect(askedIn(await remove(alice, { approval: randomUUID() })).state).toBe('approved');
    expect((await remove(alice, { approval: asked.id })).status).toBe(204);
  });

  test('waits for nobody in a dry run, nor where it would be refused anyway', async () => {
    const stale = await remove(alice, { 'if-match': '"another"' });
    expect(stale.status).toBe(412);
    expect((await alice.call('DELETE', `/zones/${randomUUID()}`)).status).toBe(404);
    const listed = await bob.call('GET', `/approvals?zone=${zone.id}`);
    expect(listed.body['items']).toEqual([]);
  });
});

describe('a policy', () => {
  const activations = (zoneId: string) =>
    rows(
      replica.databaseUrl,
      `SELECT 1 FROM audit_events WHERE zone_id = $1 AND event_text::jsonb->>'type' = 'admin.policy.activated'`,
      [zoneId],
    );

  test('is activated once for an approval, by however many at once on two replicas', async () => {
    const set = await newSetVersion(tested, PERMIT_ALL);
    const body = { policy_set_version_id: set.id };
    const path = `/zones/${tested.zoneId}/policy`;
    const asked = askedIn(await alice.call('PUT', path, body));
    expect(asked.what).toMatch(/^activate the policy set version .* in the zone "/);
    await approve(bob, asked.id);
    const before = (await activations(tested.zoneId)).length;
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        callAdmin(i % 2 === 0 ? replica : other, 'PUT', path, body, {
          authorization: `Bearer ${alice.key}`,
        }),
      ),
    );
    const unknown = answers.filter(({ status }) => ![200, 428, 503].includes(status));
    expect(unknown.map(({ body: refused }) => refused)).toEqual([]);
    expect((await activations(tested.zoneId)).length).toBeLessThanOrEqual(before + 1);
    const last = await alice.call('PUT', path, body);
    expect([200, 428]).toContain(last.status);
    expect(await activations(tested.zoneId)).toHaveLength(before + 1);
    expect((await alice.call('GET', path)).body['policy_set_version_id']).toBe(set.id);
  });

  test('that was approved is not activated on top of another', async () => {
    const [one, two] = [
      await newSetVersion(tested, PERMIT_ALL),
      await newSetVersion(tested, PERMIT_ALL),
    ];
    const path = `/zones/${tested.zoneId}/policy`;
    const put = (set: { id: string }) => alice.call('PUT', path, { policy_set_version_id: set.id });
    const [first, second] = [askedIn(await put(one)), askedIn(await put(two))];
    await approve(bob, first.id);
    await approve(bob, second.id);
    expect((await put(one)).status).toBe(200);
    expect(askedIn(await put(two)).id).not.toBe(second.id);
  });
});

test('a key for somebody else is drawn by two persons, and takes part once its operator has drawn one with it', async () => {
  const made = await alice.call('POST', '/operators', { name: randomUUID(), role: 'operator' });
  const path = `/operators/${String(made.body['id'])}/keys`;
  const asked = askedIn(await alice.call('POST', path, {}));
  expect((await approve(bob, asked.id)).status).toBe(200);
  const drawn = await alice.call('POST', path, {});
  expect(drawn.status).toBe(201);
  expect((await auditOf(drawn.requestId)).map(({ event }) => event)).toMatchObject([
    { type: 'admin.operator_key.created', operator: 'Alice', approved_by: 'Bob' },
  ]);
  askedIn(await alice.call('POST', path, {}));
  const erin = await withOwnKey(replica, {
    ...alice,
    id: String(made.body['id']),
    call: (method, at, body) =>
      persistently(() =>
        callAdmin(replica, method, at, body, {
          authorization: `Bearer ${String(drawn.body['key'])}`,
        }),
      ),
  });
  const zone = await newZone();
  const removal = askedIn(await alice.call('DELETE', `/zones/${zone.id}`));
  expect((await approve(erin, removal.id)).status).toBe(200);
});

test('who could approve nothing is not made one who can by one person', async () => {
  const raise = (change: object) => alice.call('PATCH', `/operators/${auditor.id}`, change);
  const asked = askedIn(await raise({ role: 'security' }));
  expect(asked.what).toBe(`let the operator "${auditor.name}" approve in all zones`);
  expect((await raise({ role: 'support' })).status).toBe(200);
  expect((await raise({ role: 'auditor' })).status).toBe(200);
  askedIn(await alice.call('PATCH', `/operators/${near.id}`, { zones: null }));
  expect((await alice.call('GET', `/operators/${near.id}`)).body['zones']).toEqual([nearby.id]);
});

describe('the rule', () => {
  const set = (on: boolean | null, by = alice) =>
    by.call('PATCH', '/settings', { two_person_rule: on });

  test('is turned off by two persons, and on only where there are two', async () => {
    const shown = await alice.call('GET', '/settings');
    expect(shown.body).toEqual({ two_person_rule: true });
    const stale = { 'if-match': '"another"' };
    const refused = await alice.call('PATCH', '/settings', { two_person_rule: false }, stale);
    expect(refused.status).toBe(412);
    expect((await set(false, bob)).status).toBe(403);
    expect((await asAdminKey('PATCH', '/settings', { two_person_rule: false })).status).toBe(403);

    const asked = askedIn(await set(false));
    expect(asked.what).toBe('turn off the two-person rule');
    await approve(bob, asked.id);
    const off = await set(false);
    expect([off.status, off.body]).toEqual([200, { two_person_rule: false }]);
    expect((await auditOf(off.requestId)).map(({ event }) => event)).toMatchObject([
      { type: 'admin.two_person_rule.changed', before: true, after: false, approved_by: 'Bob' },
    ]);
    const gone = await newZone();
    expect((await alice.call('DELETE', `/zones/${gone.id}`)).status).toBe(204);

    // All but one who can approve lose that.
    const { body } = await alice.call('GET', '/operators?disabled=false&limit=500');
    const others = (body['items'] as { id: string }[]).filter(({ id }) => id !== alice.id);
    for (const { id } of others) await alice.call('PATCH', `/operators/${id}`, { disabled: true });
    expect((await set(true)).status).toBe(409);
    await alice.call('PATCH', `/operators/${bob.id}`, { disabled: false });
    expect((await set(true)).status).toBe(200);
  });

  test('has two operators left who may approve, as long as it is on', async () => {
    const { body } = await alice.call('GET', '/operators?disabled=false&limit=500');
    const left = (body['items'] as { id: string }[]).map(({ id }) => id);
    expect(left.toSorted()).toEqual([alice.id, bob.id].toSorted());
    await alice.call('PATCH', `/operators/${dave.id}`, { disabled: false });
    expect((await alice.call('DELETE', `/operators/${dave.id}`)).status).toBe(204);
    for (const [method, path, change] of [
      ['DELETE', `/operators/${bob.id}`, undefined],
      ['PATCH', `/operators/${bob.id}`, { disabled: true }],
      ['PATCH', `/operators/${bob.id}`, { role: 'auditor' }],
    ] as const) {
      const refused = await alice.call(method, path, change);
      expect([method, change, refused.status]).toEqual([method, change, 409]);
    }
    // What leaves as many as there were is no matter of the rule.
    expect((await alice.call('PATCH', `/operators/${bob.id}`, { role: 'operator' })).status).toBe(
      200,
    );
    expect((await alice.call('PATCH', `/operators/${bob.id}`, { role: 'security' })).status).toBe(
      200,
    );
  });
});

test('an emergency rotation is done at once, and looked at by somebody else afterwards', async () => {
  const zone = await newZone();
  const path = `/zones/${zone.id}/signing-key/rotate`;
  expect((await alice.call('POST', path)).status).toBe(200);
  const rotated = await alice.call('POST', `${path}?emergency=true`);
  expect(rotated.status).toBe(200);
  const open = async () => {
    const query = `/approvals?kind=review&state=open&zone=${zone.id}`;
    return (await bob.call('GET', query)).body['items'] as { id: string }[];
  };
  const found = await open();
  expect(found).toMatchObject([
    {
      kind: 'review',
      action: 'emergency_rotation',
      summary: `rotated the signing keys of the zone "${zone.name}" in an emergency`,
      asked_by: 'Alice',
      request_id: rotated.requestId,
      expires_at: expect.any(String) as string,
    },
  ]);
  const [{ id } = { id: '' }] = found;
  expect((await auditOf(rotated.requestId)).map(({ event }) => event)).toMatchObject([
    { type: 'admin.signing_key.rotated', emergency: true, review_id: id },
  ]);
  expect((await approve(alice, id)).status).toBe(403);
  expect((await alice.call('POST', `/approvals/${id}/reject`, { reason: 'x' })).status).toBe(403);
  const seen = await approve(bob, id);
  expect([seen.status, seen.body['decided_by']]).toEqual([200, 'Bob']);
  expect(await open()).toEqual([]);
  expect((await auditOf(seen.requestId)).map(({ event }) => event)).toMatchObject([
    { type: 'admin.approval.approved', operator: 'Bob', approval_id: id, asked_by: 'Alice' },
  ]);
});

test('an operator of some zones sees and decides what is about these', async () => {
  const [mine, theirs] = [nearby, await newZone()];
  await alice.call('PATCH', `/operators/${near.id}`, { disabled: false });
  const ask = async ({ id }: { readonly id: string }) =>
    askedIn(await alice.call('DELETE', `/zones/${id}`)).id;
  const [seen, hidden] = [await ask(mine), await ask(theirs)];
  const listed = await near.call('GET', '/approvals?state=open');
  expect((listed.body['items'] as { id: string }[]).map(({ id }) => id)).toEqual([seen]);
  expect((await near.call('GET', `/approvals/${hidden}`)).status).toBe(404);
  expect((await approve(near, hidden)).status).toBe(404);
  expect((await approve(near, seen)).status).toBe(200);
});

test('what waits for a second person is refused again with its Idempotency-Key, and done once', async () => {
  const zone = await newZone();
  const headers = { 'idempotency-key': randomUUID() };
  const remove = () => alice.call('DELETE', `/zones/${zone.id}`, undefined, headers);
  const asked = askedIn(await remove());
  expect(askedIn(await remove()).id).toBe(asked.id);
  await approve(bob, asked.id);
  expect((await remove()).status).toBe(204);
  expect((await remove()).status).toBe(204);
});
