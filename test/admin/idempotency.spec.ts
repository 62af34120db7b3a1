import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { requestsOfOperators } from '../setup/operators-routes.js';
import { persistently } from '../setup/patience.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let other: Replica;
let zone: TestZone;

beforeAll(async () => {
  [replica, other] = await Promise.all([sharedReplica(), sharedReplica('second')]);
  zone = await createTestZone(replica);
});

const named = () => ({ name: `name ${randomUUID()}` });

/** Asks with a key. Of a machine that is so busy that it says so, one asks again: that is what the key is for. */
const ask = (key: string, method: string, path: string, body?: unknown, headers: object = {}) =>
  persistently(() =>
    callAdmin(replica, method, path, body, { ...headers, 'idempotency-key': key }),
  );

const inZone = (path: string) => `/zones/${zone.zoneId}${path}`;

const told = ({ status, body, headers }: Answer) => ({
  status,
  body,
  etag: headers.get('etag'),
  location: headers.get('location'),
});
const isReplayed = ({ headers }: Answer) => headers.get('idempotency-replayed') === 'true';

const clientsNamed = async (name: string) =>
  rows(replica.databaseUrl, 'SELECT id FROM clients WHERE zone_id = $1 AND name = $2', [
    zone.zoneId,
    name,
  ]);

describe('a request that comes again with its Idempotency-Key', () => {
  test('is answered as it was, secret and all, and is carried out once', async () => {
    const [key, body] = [randomUUID(), named()];
    const first = await ask(key, 'POST', inZone('/clients'), body);
    expect(first.status).toBe(201);
    expect(first.body['client_secret']).toEqual(expect.any(String));
    expect(first.headers.get('location')).toMatch(/clients/);
    for (const at of [replica, other, replica]) {
      const again = await persistently(() =>
        callAdmin(at, 'POST', inZone('/clients'), body, { 'idempotency-key': key }),
      );
      expect(told(again)).toEqual(told(first));
      expect(isReplayed(again)).toBe(true);
      expect(again.headers.get('cache-control')).toBe('no-store');
      expect(await zone.audit(again.requestId)).toEqual([]);
    }
    expect(await clientsNamed(body.name)).toHaveLength(1);
    expect(await zone.audit(first.requestId)).toHaveLength(1);
  });

  test('has its answer committed with its change, and with its audit event', async () => {
    const { body, requestId } = await ask(randomUUID(), 'POST', inZone('/clients'), named());
    const written = await rows<{ by: string; answered: boolean }>(
      replica.databaseUrl,
      `SELECT k.xmin::text AS by, k.answer IS NOT NULL AS answered FROM idempotency_keys k WHERE request_id = $1::uuid
       UNION ALL SELECT xmin::text, true FROM clients WHERE id = $2::uuid
       UNION ALL SELECT xmin::text, true FROM audit_events WHERE request_id = $1::uuid::text`,
      [requestId, body['id']],
    );
    expect(written.map(({ answered }) => answered)).toEqual([true, true, true]);
    expect(new Set(written.map(({ by }) => by)).size).toBe(1);
  });

  test('keeps no secret where it can be read', async () => {
    const key = randomUUID();
    const { body, requestId } = await ask(key, 'POST', inZone('/clients'), named());
    const kept = await rows<{ row: string }>(
      replica.databaseUrl,
      `SELECT k::text || encode(answer, 'escape') || encode(sealed_key, 'escape') AS row
         FROM idempotency_keys k WHERE request_id = $1`,
      [requestId],
    );
    expect(kept).toHaveLength(1);
    for (const secret of [String(body['client_secret']), key]) {
      expect(kept[0]?.row).not.toContain(secret);
      expect(kept[0]?.row).not.toContain(Buffer.from(secret).toString('hex'));
    }
  });

  test('is another one with another body or query: 422', async () => {
    const key = randomUUID();
    expect((await ask(key, 'POST', inZone('/clients'), named())).status).toBe(201);
    for (const [path, body] of [
      ['/clients', named()],
      ['/clients', undefined],
      ['/clients?a=b', named()],
    ] as const) {
      const refused = await ask(key, 'POST', inZone(path), body);
      expect([refused.status, refused.body['error']]).toEqual([422, 'idempotency_key_reused']);
    }
  });

  test('is a new one at another path, by another method, or in another zone', async () => {
    const [key, body] = [randomUUID(), named()];
    const elsewhere = await createTestZone(replica);
    const ids = new Set<unknown>();
    for (const path of [
      inZone('/clients'),
      inZone('/policy-sets'),
      '/zones',
      `/zones/${elsewhere.zoneId}/clients`,
    ]) {
      const made = await ask(key, 'POST', path, body);
      expect([path, made.status]).toEqual([path, 201]);
      ids.add(made.body['id']);
      const at = `${path}/${String(made.body['id'])}`;
      const changed = await ask(key, 'PATCH', at, {});
      if (!path.endsWith('/policy-sets')) expect([at, changed.status]).toEqual([at, 200]);
    }
    expect(ids.size).toBe(4);
  });

  test('may be tried again if it was refused', async () => {
    const [key, body] = [randomUUID(), named()];
    const made = await ask(randomUUID(), 'POST', inZone('/clients'), body);
    const refused = await ask(key, 'POST', inZone('/clients'), body);
    expect(refused.status).toBe(409);
    await ask(randomUUID(), 'DELETE', inZone(`/clients/${String(made.body['id'])}`));
    const again = await ask(key, 'POST', inZone('/clients'), body);
    expect(again.status).toBe(201);
    expect(again.body['id']).not.toBe(made.body['id']);
  });

  test('is forgotten after a day', async () => {
    const [key, body] = [randomUUID(), named()];
    const { requestId } = await ask(key, 'POST', inZone('/clients'), body);
    const age = (hours: number) =>
      rows(
        replica.databaseUrl,
        `UPDATE idempotency_keys SET used_at = now() - make_interval(hours => $2, secs => 60)
          WHERE request_id = $1 RETURNING 1`,
        [requestId, hours],
      );
    expect(await age(23)).toHaveLength(1);
    expect((await ask(key, 'POST', inZone('/clients'), body)).status).toBe(201);
    await age(24);
    expect((await ask(key, 'POST', inZone('/clients'), body)).status).toBe(409);
    expect((await ask(key, 'POST', inZone('/clients'), named())).status).toBe(201);
  });

  test('under a condition is answered as it was, though the condition holds no more', async () => {
    const made = await ask(randomUUID(), 'POST', inZone('/clients'), named());
    const at = inZone(`/clients/${String(made.body['id'])}`);
    const condition = { 'if-match': String(made.headers.get('etag')) };
    const key = randomUUID();
    const changed = await ask(key, 'PATCH', at, { labels: ['a'] }, condition);
    expect(changed.status).toBe(200);
    const again = await ask(key, 'PATCH', at, { labels: ['a'] }, condition);
    expect([told(again), isReplayed(again)]).toEqual([told(changed), true]);
    expect((await ask(randomUUID(), 'PATCH', at, { labels: ['a'] }, condition)).status).toBe(412);
  });

  test('for something that is gone by then is answered that it is gone', async () => {
    const made = await ask(randomUUID(), 'POST', inZone('/clients'), named());
    const at = inZone(`/clients/${String(made.body['id'])}`);
    const key = randomUUID();
    expect((await ask(key, 'DELETE', at)).status).toBe(204);
    const again = await ask(key, 'DELETE', at);
    expect([again.status, isReplayed(again)]).toEqual([204, true]);
    expect((await ask(randomUUID(), 'DELETE', at)).status).toBe(404);
  });
});

test('of many at once, on two replicas, one is carried out', async () => {
  for (const path of [inZone('/clients'), '/zones']) {
    const [key, body] = [randomUUID(), named()];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        callAdmin(i % 2 === 0 ? replica : other, 'POST', path, body, { 'idempotency-key': key }),
      ),
    );
    const made = answers.filter((one) => one.status === 201);
    expect(made.filter((one) => !isReplayed(one)).length).toBeLessThanOrEqual(1);
    // The others were told to wait, or that the machine is busy.
    const words = answers.filter((one) => one.status !== 201).map((one) => one.body['error']);
    const known = ['idempotency_key_in_use', 'temporarily_unavailable'];
    expect(words.filter((word) => !known.includes(String(word)))).toEqual([]);
    const again = await ask(key, 'POST', path, body);
    expect(again.status).toBe(201);
    for (const one of made) expect(told(one)).toEqual(told(again));
    const found = await rows(
      replica.databaseUrl,
      'SELECT id FROM clients WHERE name = $1 UNION ALL SELECT id FROM zones WHERE name = $1',
      [body.name],
    );
    expect(found).toEqual([{ id: again.body['id'] }]);
  }
});

describe('an Idempotency-Key', () => {
  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['with a control character', 'a\tb'],
  ])('that is %s is refused', async (_what, key) => {
    const refused = await ask(key, 'POST', inZone('/clients'), named());
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_request']);
  });

  test('says nothing where nothing is changed', async () => {
    for (const key of ['', randomUUID()]) {
      const shown = await ask(key, 'GET', inZone(''));
      expect([shown.status, isReplayed(shown)]).toEqual([200, false]);
    }
  });
});

test('every change of an operator can be repeated', async () => {
  const own = await createTestZone(replica);
  const asked = Object.entries(await requestsOfOperators(own));
  // What is of the whole process or of the installation others change at the same time, and would feel.
  const shared =
    /^\S+ \/(?:log-level|outbound-policies|settings|operators\/(?:admin-token|control-zone))/;
  const changing = asked.filter(([route]) => !route.startsWith('GET ') && !shared.test(route));
  expect(changing.length).toBeGreaterThan(30);
  for (const [route, [path, body, as]] of changing) {
    const headers = as === undefined ? {} : { authorization: `Bearer ${as}` };
    const [method = ''] = route.split(' ');
    const key = randomUUID();
    const first = await ask(key, method, path, body, headers);
    expect([route, first.status < 300]).toEqual([route, true]);
    const again = await ask(key, method, path, body, headers);
    expect([route, isReplayed(again), told(again)]).toEqual([route, true, told(first)]);
  }
});
