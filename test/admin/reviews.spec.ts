import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditOf, rows, startReplica, type Replica } from '../setup/harness.js';
import { callWith, newOperator, withOwnKey, type TestOperator } from '../setup/operators.js';
import { metric } from '../setup/policies.js';
import { until } from '../setup/process.js';
import type { Answer } from '../setup/zone.js';

let replica: Replica;
let ada: TestOperator;
let bob: TestOperator;

beforeAll(async () => {
  replica = await startReplica();
});

afterAll(async () => {
  await replica?.stop();
});

const admin = (method: string, path: string, body?: unknown) =>
  callWith(replica, replica.adminToken, method, path, body);

const newZone = async () => {
  const made = await admin('POST', '/zones', { name: `zone ${randomUUID()}` });
  return { id: String(made.body['id']), name: String(made.body['name']) };
};

const rotate = (by: Pick<TestOperator, 'call'>, zone: { readonly id: string }) =>
  by.call('POST', `/zones/${zone.id}/signing-key/rotate?emergency=true`);

const eventOf = async ({ requestId }: Answer) =>
  (await auditOf(replica.databaseUrl, requestId))[0]?.event as Readonly<Record<string, unknown>>;

const find = async (query: string) =>
  (await admin('GET', `/approvals?${query}`)).body['items'] as Readonly<Record<string, unknown>>[];

const decide = (by: TestOperator, id: unknown, decision = 'approve') =>
  by.call('POST', `/approvals/${String(id)}/${decision}`, { reason: 'looked at it' });

/** Waits until a figure of the replica is so: where the database has not answered at once it is absent, or of before. */
const figure = (name: string, isSo: (value: number) => boolean): Promise<boolean> =>
  until(async () => isSo(await metric(replica, `mandate_${name}`)));
const isFigure = (name: string, value: number) => figure(name, (found) => found === value);

test('what nobody else could look at counts as not reviewed from the beginning', async () => {
  const zone = await newZone();
  const alone = { call: admin } as TestOperator;
  const rotated = await rotate(alone, zone);
  expect(rotated.status).toBe(200);
  const [review] = await find(`zone=${zone.id}`);
  expect(review).toMatchObject({ kind: 'review', state: 'not_reviewed', asked_by: 'admin key' });
  expect(await eventOf(rotated)).toMatchObject({
    type: 'admin.signing_key.rotated',
    review_id: review?.['id'],
    reviewable: false,
  });
  await isFigure('reviews_missed', 1);
  await isFigure('reviews_open', 0);
  await isFigure('review_oldest_seconds', 0);

  // Somebody who comes later cannot say anything of it: the key is younger.
  ada = await withOwnKey(replica, await newOperator(replica, { role: 'owner' }));
  bob = await withOwnKey(replica, await newOperator(replica, { role: 'security' }));
  expect((await decide(bob, review?.['id'])).status).toBe(403);
  expect(await find(`zone=${zone.id}&state=not_reviewed`)).toHaveLength(1);
});

test('a signing key that is revoked is an emergency, too', async () => {
  const zone = await newZone();
  const keys = await ada.call('GET', `/zones/${zone.id}/signing-keys`);
  const [{ kid = '' } = {}] = keys.body['items'] as { kid?: string }[];
  const order = { target: { kid }, reason: 'it leaked' };
  const dry = await ada.call('POST', `/zones/${zone.id}/revocations?dry_run=true`, order);
  expect(dry.status).toBe(200);
  expect(await find(`zone=${zone.id}`)).toEqual([]);
  const revoked = await ada.call('POST', `/zones/${zone.id}/revocations`, order);
  expect(revoked.status).toBe(201);
  const [review] = await find(`zone=${zone.id}&state=open&kind=review`);
  expect(review).toMatchObject({
    action: 'revoke_signing_key',
    summary: `revoked the signing key ${kid} of the zone "${zone.name}"`,
    asked_by: ada.name,
    request_id: revoked.requestId,
  });
  expect(await eventOf(revoked)).toMatchObject({
    type: 'admin.revocation.ordered',
    review_id: review?.['id'],
  });
  await isFigure('reviews_open', 1);
  await figure('review_oldest_seconds', (seconds) => seconds > 0);
  expect((await decide(ada, review?.['id'])).status).toBe(403);
  expect((await decide(bob, review?.['id'])).status).toBe(200);
  await isFigure('reviews_open', 0);
  // What is of no key is none.
  const other = { target: { jti: randomUUID() }, reason: 'a test' };
  expect((await ada.call('POST', `/zones/${zone.id}/revocations`, other)).status).toBe(201);
  expect(await find(`zone=${zone.id}`)).toHaveLength(1);
});

test('a review that nobody does in time counts as not reviewed, is recorded so once, and can be done all the same', async () => {
  const zone = await newZone();
  expect((await rotate(ada, zone)).status).toBe(200);
  const [open] = await find(`zone=${zone.id}&state=open`);
  // The one that nobody could look at.
  await isFigure('reviews_missed', 1);
  await rows(
    replica.databaseUrl,
    `UPDATE approvals SET asked_at = now() - interval '31 days', expires_at = now() - interval '1 day'
      WHERE id = $1`,
    [open?.['id']],
  );
  expect(await find(`zone=${zone.id}&state=open`)).toEqual([]);
  expect(await find(`zone=${zone.id}&state=not_reviewed`)).toMatchObject([{ id: open?.['id'] }]);
  await isFigure('reviews_missed', 2);

  // Another process looks soon after its start, and so do two.
  const others = await Promise.all(
    [1, 2].map(() => startReplica({ databaseUrl: replica.databaseUrl })),
  );
  try {
    const events = () =>
      rows<{ zone_id: string; event: Record<string, unknown> }>(
        replica.databaseUrl,
        `SELECT zone_id, audit_event(a) AS event FROM audit_events a WHERE type = 'admin.approval.not_reviewed'`,
      );
    await until(async () => (await events()).length > 0);
    expect(await events()).toMatchObject([
      {
        zone_id: zone.id,
        event: {
          operator: 'mandate',
          approval_id: open?.['id'],
          action: 'emergency_rotation',
          asked_by: ada.name,
          asked_by_id: ada.id,
        },
      },
    ]);
  } finally {
    await Promise.all(others.map((each) => each.stop()));
  }
  // Bob's key is younger than it was made to be.
  await rows(
    replica.databaseUrl,
    `UPDATE operator_keys SET created_at = now() - interval '32 days' WHERE operator_id = $1`,
    [bob.id],
  );
  const late = await decide(bob, open?.['id'], 'reject');
  expect([late.status, late.body['state']]).toEqual([200, 'rejected']);
  await isFigure('reviews_missed', 1);
});
