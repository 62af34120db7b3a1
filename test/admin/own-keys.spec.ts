import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditOf, rows, startReplica, type Replica } from '../setup/harness.js';
import { callWith, newOperator, withOwnKey, type TestOperator } from '../setup/operators.js';
import { until } from '../setup/process.js';
import { createTestZone } from '../setup/zone.js';

let replica: Replica;

beforeAll(async () => {
  replica = await startReplica();
});

afterAll(async () => {
  await replica?.stop();
});

const admin = (method: string, path: string, body?: unknown, headers = {}) =>
  callWith(replica, replica.adminToken, method, path, body, headers);

const OWN = '/operators/me/keys';

/** Whether a key lets somebody in. */
const isGood = async ({ call }: TestOperator) =>
  (await call('GET', '/operators/me')).status === 200;

describe('an operator', () => {
  test.each(['auditor', 'login-app', 'owner'])(
    'changes its own key, as %s of whatever zones',
    async (role) => {
      const zone = await createTestZone(replica);
      const given = await newOperator(replica, { role, zones: [zone.zoneId] });
      const made = await given.call('POST', OWN, { description: 'laptop' });
      expect(made).toMatchObject({
        status: 201,
        body: {
          operator_id: given.id,
          description: 'laptop',
          drawn_with: given.keyId,
          addresses: null,
          expires_at: null,
        },
      });
      const id = String(made.body['id']);
      const events = await auditOf(replica.databaseUrl, made.requestId);
      const { key: secret, ...shown } = made.body;
      expect(events.map(({ event }) => event)).toMatchObject([
        {
          type: 'admin.operator_key.created',
          operator: given.name,
          operator_key: given.keyId,
          key: shown,
        },
      ]);
      const own: TestOperator = {
        ...given,
        call: (...args) => callWith(replica, String(secret), ...args),
      };
      const me = await own.call('GET', '/operators/me');
      expect(me.body).toMatchObject({
        id: given.id,
        name: given.name,
        role,
        zones: [zone.zoneId],
        key: { id, own: true, expires_at: null },
      });
      expect(await isGood(given)).toBe(true);
      const listed = (await own.call('GET', OWN)).body['items'] as { id: string }[];
      expect(listed.map((each) => each.id).toSorted()).toEqual([given.keyId, id].toSorted());

      const one = `${OWN}/${given.keyId}`;
      const tag = String((await own.call('GET', one)).headers.get('etag'));
      const stale = await own.call('DELETE', one, undefined, { 'if-match': '"another"' });
      expect(stale.status).toBe(412);
      const revoked = await own.call('DELETE', one, undefined, { 'if-match': tag });
      expect(revoked.status).toBe(204);
      expect(await isGood(given)).toBe(false);
      expect(await isGood(own)).toBe(true);
      expect(
        (await auditOf(replica.databaseUrl, revoked.requestId)).map(({ event }) => event),
      ).toMatchObject([{ type: 'admin.operator_key.revoked', operator: given.name }]);
    },
  );

  test('has no way to the keys of others', async () => {
    const one = await newOperator(replica, { role: 'security' });
    const other = await newOperator(replica, { role: 'auditor' });
    for (const path of [`${OWN}/${other.keyId}`, `${OWN}/${randomUUID()}`, `${OWN}/x`]) {
      for (const method of ['GET', 'DELETE']) {
        // oxlint-disable-next-line no-await-in-loop
        expect([path, (await one.call(method, path)).status]).toEqual([path, 404]);
      }
    }
    expect((await one.call('POST', `/operators/${one.id}/keys`, {})).status).toBe(403);
    expect(await isGood(other)).toBe(true);
  });

  test('without a name has no keys', async () => {
    for (const [method, path] of [
      ['POST', OWN],
      ['GET', OWN],
      ['GET', `${OWN}/${randomUUID()}`],
      ['DELETE', `${OWN}/${randomUUID()}`],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await admin(method, path, method === 'POST' ? {} : undefined);
      expect([method, status]).toEqual([method, 403]);
    }
    expect((await admin('GET', '/operators/me')).body['key']).toBeNull();
  });
});

describe('a key that an operator has drawn for itself', () => {
  const bounds = { expires_at: '2090-01-01T00:00:00.000Z', addresses: ['127.0.0.0/8', '::1'] };

  test('is good for no longer, and from no more, than the one that it was drawn with', async () => {
    const given = await newOperator(replica, { role: 'auditor' }, bounds);
    for (const [member, more] of [
      ['expires_at', { expires_at: '2090-01-01T00:00:00.001Z' }],
      ['addresses', { addresses: ['127.0.0.1', '0.0.0.0/0'] }],
      ['addresses', { addresses: ['10.0.0.1'] }],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const refused = await given.call('POST', OWN, more);
      expect([refused.status, refused.body['error_description']]).toEqual([
        422,
        expect.stringMatching(new RegExp(`^${member}: `)),
      ]);
    }
    expect((await given.call('POST', OWN, { expires_at: '2020-01-01T00:00:00Z' })).status).toBe(
      400,
    );
    const same = await withOwnKey(replica, given);
    const key = await same.call('GET', `${OWN}/${same.keyId}`);
    expect(key.body).toMatchObject(bounds);
    const less = { expires_at: '2080-01-01T00:00:00.000Z', addresses: ['127.0.0.0/16', '::1'] };
    const narrow = await withOwnKey(replica, same, less);
    expect((await narrow.call('GET', `${OWN}/${narrow.keyId}`)).body).toMatchObject(less);
    expect((await narrow.call('POST', OWN, bounds)).status).toBe(422);
  });

  test('as an owner may be good for more, and goes with the one that it was drawn with', async () => {
    const given = await newOperator(replica, { role: 'owner' }, bounds);
    const at = `/operators/${given.id}/keys`;
    const made = await given.call('POST', at, {});
    const drawn = { drawn_with: given.keyId, addresses: null, expires_at: null };
    expect(made).toMatchObject({ status: 201, body: drawn });
    const own = String(made.body['key']);
    const whoIs = () => callWith(replica, own, 'GET', '/operators/me');
    expect((await whoIs()).body['key']).toMatchObject({ own: true, expires_at: null });
    // It is the one that the first draws, by whichever path.
    for (const path of [at, OWN]) {
      // oxlint-disable-next-line no-await-in-loop
      expect([path, (await given.call('POST', path, {})).status]).toEqual([path, 409]);
    }
    const again = await callWith(replica, own, 'POST', at, {});
    expect(again.body['drawn_with']).toBe(made.body['id']);
    const revoked = await admin('DELETE', `${at}/${given.keyId}`);
    const [event] = await auditOf(replica.databaseUrl, revoked.requestId);
    expect(event?.event).toMatchObject({
      revoked_with_it: [String(made.body['id']), String(again.body['id'])].toSorted(),
    });
    expect((await whoIs()).status).toBe(401);
  });

  test('is the only one that is drawn with a key which somebody else drew', async () => {
    const given = await newOperator(replica, { role: 'auditor' });
    const answers = await Promise.all(Array.from({ length: 4 }, () => given.call('POST', OWN, {})));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([201, 409, 409, 409]);
    const refused = await given.call('POST', OWN, {});
    expect(refused.body['error_description']).toContain('a key was drawn with it already');
    const made = answers.find(({ status }) => status === 201);
    const own = String(made?.body['key']);
    // With that it may draw as many as it likes.
    for (const _ of [1, 2]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await callWith(replica, own, 'POST', OWN, {})).status).toBe(201);
    }
  });

  test('goes with the one that it was drawn with, if somebody else revokes that', async () => {
    const given = await newOperator(replica, { role: 'security' });
    const own = await withOwnKey(replica, given);
    const next = await withOwnKey(replica, own);
    const apart = await admin('POST', `/operators/${given.id}/keys`, {});
    const one = `/operators/${given.id}/keys/${given.keyId}`;
    const foreseen = await admin('DELETE', `${one}?dry_run=true`);
    expect(foreseen.body).toMatchObject({ would: { affects: { keys: 2 } } });
    const revoked = await admin('DELETE', one);
    expect(revoked.status).toBe(204);
    for (const lost of [given, own, next]) {
      // oxlint-disable-next-line no-await-in-loop
      await until(async () => !(await isGood(lost)));
    }
    const left = String(apart.body['key']);
    expect((await callWith(replica, left, 'GET', '/operators/me')).status).toBe(200);
    const [event] = await auditOf(replica.databaseUrl, revoked.requestId);
    expect(event?.event).toMatchObject({ revoked_with_it: [own.keyId, next.keyId].toSorted() });
  });

  test('stays if it revokes the one before; what a thief drew with that does not', async () => {
    const given = await newOperator(replica, { role: 'security' });
    const own = await withOwnKey(replica, given);
    const thief = await withOwnKey(replica, await withOwnKey(replica, own));
    const next = await withOwnKey(replica, own);
    const after = await withOwnKey(replica, next);
    // Not with itself: whoever does that has not shown that the next one works.
    expect((await own.call('DELETE', `${OWN}/${own.keyId}`)).status).toBe(409);
    expect((await next.call('DELETE', `${OWN}/${own.keyId}`)).status).toBe(204);
    expect(await Promise.all([own, thief, next, after].map(isGood))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    // The first one is revoked by its own: what stays is what is borne, and what was drawn with that.
    expect((await after.call('DELETE', `${OWN}/${given.keyId}`)).status).toBe(204);
    expect(await Promise.all([given, next, after].map(isGood))).toEqual([false, false, true]);
    const kept = await rows(
      replica.databaseUrl,
      'SELECT id FROM operator_keys WHERE operator_id = $1 AND revoked_at IS NULL',
      [given.id],
    );
    expect(kept).toEqual([{ id: after.keyId }]);
  });

  test('is one of twenty at most', async () => {
    const given = await newOperator(replica, { role: 'auditor' });
    const own = await withOwnKey(replica, given);
    const answers: number[] = [];
    for (let nth = 3; nth <= 21; nth += 1) {
      // oxlint-disable-next-line no-await-in-loop
      answers.push((await own.call('POST', OWN, {})).status);
    }
    expect(answers).toEqual([...Array.from({ length: 18 }, () => 201), 409]);
  });

  test('is not drawn and revoked without end', async () => {
    const own = await withOwnKey(replica, await newOperator(replica, { role: 'auditor' }));
    const before = `INSERT INTO operator_keys (operator_id, id, digest, revoked_at, drawn_with, created_at)
      SELECT $1::uuid, gen_random_uuid(), uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), now(), $2::uuid, now() - $3::interval
        FROM generate_series(1, 98)`;
    // What was drawn long ago does not count.
    await rows(replica.databaseUrl, before, [own.id, own.keyId, '25 hours']);
    expect((await own.call('POST', OWN, {})).status).toBe(201);
    await rows(replica.databaseUrl, before, [own.id, own.keyId, '1 hour']);
    const refused = await own.call('POST', OWN, {});
    expect(refused).toMatchObject({ status: 429, body: { error: 'slow_down' } });
    expect(await auditOf(replica.databaseUrl, refused.requestId)).toEqual([]);
    // If that was a thief, the operator is given another one.
    expect((await admin('POST', `/operators/${own.id}/keys`, {})).status).toBe(201);
  });

  test('is told once more to who repeats the request, not to who guesses its name', async () => {
    const own = await withOwnKey(replica, await newOperator(replica, { role: 'auditor' }));
    const draw = (key: string) => own.call('POST', OWN, {}, { 'Idempotency-Key': key });
    const guessed = await draw('rotate-1');
    expect(guessed).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const given = await admin('POST', `/operators/${own.id}/keys`, {}, { 'Idempotency-Key': 'a' });
    expect(given).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const key = randomUUID();
    const made = await draw(key);
    expect(made.status).toBe(201);
    expect((await draw(key)).body).toEqual(made.body);
  });
});
