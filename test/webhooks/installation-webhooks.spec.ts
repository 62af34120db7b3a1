import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { auditOf, createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER as ALLOW_ALL } from '../setup/key-server.js';
import { newOperator, type TestOperator } from '../setup/operators.js';
import { persistently } from '../setup/patience.js';
import { startReceiver, type Receiver } from '../setup/receiver.js';
import { callAdmin, createTestZone, readAnswer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let receiver: Receiver;
/** Zones that are told of, and one that is not. */
let a: TestZone;
let b: TestZone;
let c: TestZone;
/** Who may see `a` and `b` only. */
let limited: TestOperator;

beforeAll(async () => {
  receiver = await startReceiver();
  replica = await startReplica({ databaseUrl: await createDatabase(), env: ALLOW_ALL });
  [a, b, c] = [await newZone(), await newZone(), await newZone()];
  limited = await newOperator(replica, { role: 'operator', zones: [a.zoneId, b.zoneId] });
});
afterAll(async () => {
  await replica?.stop();
  await receiver?.close();
});

async function newZone(): Promise<TestZone> {
  const zone = await createTestZone(replica, APPROVE_WRITES);
  return zone;
}

const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  persistently(() => callAdmin(replica, method, path, body, headers));

interface Registered {
  readonly id: string;
  readonly at: string;
  readonly secret: string;
  /** Its path below the receiver's URL. */
  readonly path: string;
}

async function register(zones: readonly string[], body: object = {}): Promise<Registered> {
  const path = `/${randomUUID()}`;
  const made = await call('POST', '/webhooks', {
    url: `${receiver.url}${path}`,
    zone_ids: zones,
    ...body,
  });
  expect([made.status, made.body]).toEqual([201, expect.anything()]);
  const id = String(made.body['id']);
  return { id, at: `/webhooks/${id}`, secret: String(made.body['secret']), path };
}

/** What has arrived, each with its signature checked. */
const told = ({ path, secret }: Registered) =>
  receiver.received
    .filter((one) => one.path === path)
    .map(
      ({ headers, body }) =>
        new Webhook(secret).verify(body, { ...headers }) as {
          type: string;
          data: { zone_id: string | null };
        },
    );

const zonesTold = (webhook: Registered) =>
  [...new Set(told(webhook).map(({ data }) => String(data.zone_id)))].toSorted();

/** Something happens that webhooks of the zone are told of. */
let turn = 0;
async function happens(zone: TestZone): Promise<void> {
  turn += 1;
  heldIn(await zone.session({ scope: 'a:write', ttl_seconds: String(60 + turn) }));
}

/** Waits until so many are on record as received, which they are a moment after they have arrived. */
const received = ({ id }: Registered, count: number) =>
  expect
    .poll(() =>
      rows(
        replica.databaseUrl,
        'SELECT 1 FROM webhook_deliveries WHERE installation_webhook_id = $1 AND delivered_at IS NOT NULL',
        [id],
      ),
    )
    .toHaveLength(count);

const sorted = (...zones: readonly TestZone[]) => zones.map(({ zoneId }) => zoneId).toSorted();

describe('a webhook of the installation', () => {
  test('is told of the zones that it names, signed, and of no other', async () => {
    const webhook = await register([a.zoneId, b.zoneId]);
    await Promise.all([a, b, c].map(happens));
    await expect.poll(() => zonesTold(webhook)).toEqual(sorted(a, b));
    // What is told of the third later would have come before this.
    await call('POST', `${webhook.at}/test`);
    await expect.poll(() => told(webhook).map(({ type }) => type)).toContain('webhook.test');
    expect(told(webhook).filter(({ data }) => data.zone_id === c.zoneId)).toEqual([]);
    const waiting = await rows(
      replica.databaseUrl,
      'SELECT 1 FROM webhook_deliveries WHERE installation_webhook_id = $1 AND zone_id = $2',
      [webhook.id, c.zoneId],
    );
    expect(waiting).toEqual([]);
    await call('DELETE', webhook.at);
  });

  test('for all zones is told of those of tomorrow, and of what is taken back', async () => {
    const webhook = await register(['*'], { events: ['revocation.ordered', 'session.ended'] });
    const tomorrow = await newZone();
    for (const zone of [a, tomorrow]) {
      // oxlint-disable-next-line no-await-in-loop
      const ordered = await zone.admin('POST', '/revocations', {
        target: { jti: randomUUID() },
        reason: 'a test',
      });
      // oxlint-disable-next-line no-await-in-loop
      await expect
        .poll(async () => zone.admin('GET', `/revocations/${String(ordered['id'])}`))
        .toMatchObject({ channels: { webhooks: { told: true, delivered: 1 } } });
    }
    expect(zonesTold(webhook)).toEqual(sorted(a, tomorrow));
    expect((await tomorrow.session()).status).toBe(200);
    await tomorrow.admin('POST', '/sessions/end', { subject: 'nobody' });
    const [session] = (await tomorrow.admin('GET', '/sessions'))['items'] as { id: string }[];
    await tomorrow.admin('DELETE', `/sessions/${session?.id}`);
    await expect.poll(() => told(webhook).map(({ type }) => type)).toContain('session.ended');
    await call('DELETE', webhook.at);
  });

  test('is changed member by member, found by name and by zone, and recorded', async () => {
    const name = `several ${randomUUID()}`;
    const webhook = await register([a.zoneId], { name });
    const shown = await call('GET', webhook.at);
    expect(shown.body).toEqual({
      id: webhook.id,
      name,
      url: `${receiver.url}${webhook.path}`,
      events: [],
      zone_ids: [a.zoneId],
      enabled: true,
      failure_count: 0,
      previous_secret_until: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    const tag = shown.headers.get('etag') ?? '';
    const body = { zone_ids: [b.zoneId, a.zoneId], events: ['session.ended'] };
    const changed = await call('PATCH', webhook.at, body, { 'if-match': tag });
    expect(changed.body).toMatchObject({ zone_ids: sorted(a, b), events: ['session.ended'] });
    expect((await call('PATCH', webhook.at, body, { 'if-match': tag })).status).toBe(412);
    const [row] = await auditOf(replica.databaseUrl, changed.requestId);
    expect(row).toMatchObject({
      zone_id: '00000000-0000-0000-0000-000000000000',
      event: {
        type: 'admin.webhook.changed',
        before: { zone_ids: [a.zoneId] },
        after: { zone_ids: sorted(a, b) },
      },
    });
    const found = async (query: string) =>
      ((await call('GET', `/webhooks?${query}`)).body['items'] as { id: string }[]).map(
        ({ id }) => id,
      );
    expect(await found(`name=${encodeURIComponent(name)}`)).toEqual([webhook.id]);
    expect(await found(`zone=${b.zoneId}`)).toContain(webhook.id);
    expect(await found(`zone=${c.zoneId}`)).not.toContain(webhook.id);
    const all = await call('PATCH', webhook.at, { zone_ids: ['*'], enabled: false });
    expect(all.body).toMatchObject({ zone_ids: ['*'], enabled: false });
    expect(await found(`zone=${c.zoneId}&enabled=false`)).toContain(webhook.id);
    const taken = await call('POST', '/webhooks', { name, url: receiver.url, zone_ids: ['*'] });
    expect([taken.status, taken.body['errors']]).toEqual([
      409,
      [{ field: 'name', message: 'it is taken', code: 'taken' }],
    ]);

    const foreseen = await call('DELETE', `${webhook.at}?dry_run=true`);
    expect(foreseen.body).toMatchObject({
      dry_run: true,
      would: { delete: { id: webhook.id }, affects: { waiting_deliveries: 0 } },
    });
    const condition = { 'if-match': foreseen.headers.get('etag') ?? '' };
    expect((await call('DELETE', webhook.at, undefined, condition)).status).toBe(204);
    expect((await call('GET', webhook.at)).status).toBe(404);
    expect((await call('PATCH', webhook.at, { enabled: true })).status).toBe(404);
    expect((await call('DELETE', webhook.at)).status).toBe(404);
    // Its name is free again.
    await call('DELETE', (await register(['*'], { name })).at);
  });

  test('has another secret, beside which the one before signs for a day', async () => {
    const webhook = await register([a.zoneId]);
    const rotated = await call('POST', `${webhook.at}/secret`);
    const after = { ...webhook, secret: String(rotated.body['secret']) };
    expect(after.secret).not.toBe(webhook.secret);
    expect(rotated.body['previous_secret_until']).toEqual(expect.any(String));
    await call('POST', `${webhook.at}/test`);
    await expect.poll(() => told(after).length).toBe(1);
    expect(told(webhook).length).toBe(1);
    const [row] = await auditOf(replica.databaseUrl, rotated.requestId);
    expect(row?.event).toMatchObject({ type: 'admin.webhook.secret_rotated' });
    expect(JSON.stringify(row)).not.toContain(after.secret);
    await call('DELETE', webhook.at);
  });

  test('is made once, however often the request with its key comes', async () => {
    const body = { url: 'https://hooks.example/once', zone_ids: [a.zoneId] };
    const key = { 'idempotency-key': randomUUID() };
    const first = await call('POST', '/webhooks', body, key);
    const again = await call('POST', '/webhooks', body, key);
    expect([again.status, again.body]).toEqual([201, first.body]);
    await call('DELETE', `/webhooks/${String(first.body['id'])}`);
  });

  test.each([
    ['no list', () => undefined, 400],
    ['null', () => null, 400],
    ['a text', () => '*', 400],
    ['an empty list', () => [], 400],
    ['all zones twice', () => ['*', '*'], 400],
    ['all zones and one', () => ['*', a.zoneId], 400],
    ['one zone twice', () => [a.zoneId, a.zoneId], 400],
    ['a pattern', () => ['prod-.*'], 400],
    ['a list in the list', () => [[a.zoneId]], 400],
    ['too many', () => Array.from({ length: 201 }, () => randomUUID()), 400],
    ['an unknown zone', () => [randomUUID()], 422],
    ['a zone and an unknown one', () => [a.zoneId, randomUUID()], 422],
    ['no zone at all', () => ['00000000-0000-0000-0000-000000000000'], 422],
  ])('for %s is refused', async (_what, zones, status) => {
    const body = { url: 'https://hooks.example/', zone_ids: zones() };
    const refused = await call('POST', '/webhooks', body);
    expect([refused.status, JSON.stringify(refused.body)]).toEqual([
      status,
      expect.stringContaining('zone_ids'),
    ]);
    expect(await auditOf(replica.databaseUrl, refused.requestId)).toEqual([]);
  });
});

describe('zones', () => {
  test('that a webhook is told of no more are given up, and not sent by a change of where it is', async () => {
    const webhook = await register([a.zoneId, b.zoneId]);
    receiver.answers.set(webhook.path, { status: 500 });
    await happens(a);
    await happens(b);
    await expect.poll(() => zonesTold(webhook)).toEqual(sorted(a, b));
    const moved = { ...webhook, path: `/${randomUUID()}` };
    await call('PATCH', webhook.at, { zone_ids: [a.zoneId], url: `${receiver.url}${moved.path}` });
    await rows(
      replica.databaseUrl,
      'UPDATE webhook_deliveries SET due_at = now() WHERE installation_webhook_id = $1',
      [webhook.id],
    );
    await expect.poll(() => zonesTold(moved)).toEqual(sorted(a));
    await happens(a);
    await expect.poll(() => told(moved).length).toBe(2);
    expect(zonesTold(moved)).toEqual(sorted(a));
    await received(webhook, 2);
    const replayed = await call('POST', `${webhook.at}/replay`, { from: '2026-01-01T00:00:00Z' });
    expect(replayed.body).toEqual({ replayed: 2 });
    await expect.poll(() => told(moved).length).toBe(4);
    expect(zonesTold(moved)).toEqual(sorted(a));
    await call('DELETE', webhook.at);
  });

  test('are shown with deliveries, and narrow what is shown and sent again', async () => {
    const webhook = await register([a.zoneId, b.zoneId]);
    await happens(a);
    await happens(b);
    const of = async (query: string) =>
      ((await call('GET', `${webhook.at}/deliveries?${query}`)).body['items'] as object[]).map(
        (each) => String(Reflect.get(each, 'zone_id')),
      );
    await expect.poll(async () => (await of('state=delivered')).toSorted()).toEqual(sorted(a, b));
    await call('POST', `${webhook.at}/test`);
    expect(await of(`zone=${a.zoneId}`)).toEqual([a.zoneId]);
    expect(await of('')).toContain('null');
    const body = { from: '2026-01-01T00:00:00Z', zone_id: b.zoneId };
    const again = await call('POST', `${webhook.at}/replay`, body);
    expect(again.body).toEqual({ replayed: 1 });
    const [row] = await auditOf(replica.databaseUrl, again.requestId);
    expect(row?.event).toMatchObject({ type: 'admin.webhook.replayed', of_zone: b.zoneId });
    const none = { ...body, zone_id: c.zoneId };
    expect((await call('POST', `${webhook.at}/replay`, none)).body).toEqual({ replayed: 0 });
    await call('PATCH', webhook.at, { enabled: false });
    expect((await call('POST', `${webhook.at}/replay`, body)).status).toBe(409);
    await call('DELETE', webhook.at);
  });

  test('that are deleted are dropped from lists, and the last leaves a webhook that is told nothing', async () => {
    const [gone, last] = [await newZone(), await newZone()];
    const webhook = await register([gone.zoneId, last.zoneId]);
    const zoneIds = async () => (await call('GET', webhook.at)).body['zone_ids'];
    await call('DELETE', `/zones/${gone.zoneId}`);
    expect(await zoneIds()).toEqual([last.zoneId]);
    await call('DELETE', `/zones/${last.zoneId}`);
    expect(await call('GET', webhook.at)).toMatchObject({ body: { zone_ids: [], enabled: true } });
    await expect
      .poll(() =>
        rows(
          replica.databaseUrl,
          'SELECT 1 FROM installation_webhook_zones WHERE webhook_id = $1',
          [webhook.id],
        ),
      )
      .toEqual([]);
    await happens(a);
    await call('PATCH', webhook.at, { zone_ids: [a.zoneId] });
    await happens(a);
    await expect.poll(() => told(webhook).length).toBe(1);
    const put = 'SELECT 1 FROM webhook_deliveries WHERE installation_webhook_id = $1';
    expect(await rows(replica.databaseUrl, put, [webhook.id])).toHaveLength(1);
    await call('DELETE', webhook.at);
  });
});

describe('an operator of some zones', () => {
  const body = () => ({ url: `${receiver.url}/${randomUUID()}` });

  test('has webhooks of these zones, and sees no other', async () => {
    const made = await limited.call('POST', '/webhooks', { ...body(), zone_ids: sorted(a, b) });
    expect(made.status).toBe(201);
    const own = `/webhooks/${String(made.body['id'])}`;
    const [wider, all] = [await register([a.zoneId, c.zoneId]), await register(['*'])];
    const listed = (await limited.call('GET', '/webhooks')).body['items'] as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual([made.body['id']]);
    for (const { at } of [wider, all]) {
      for (const [method, path, asked] of [
        ['GET', at, undefined],
        ['GET', `${at}/deliveries`, undefined],
        ['PATCH', at, { zone_ids: [a.zoneId] }],
        ['POST', `${at}/secret`, undefined],
        ['POST', `${at}/test`, undefined],
        ['POST', `${at}/replay`, { from: '2026-01-01T00:00:00Z' }],
        ['DELETE', at, undefined],
        ['DELETE', `${at}?dry_run=true`, undefined],
      ] as const) {
        // oxlint-disable-next-line no-await-in-loop
        const refused = await limited.call(method, path, asked);
        expect([method, path, refused.status]).toEqual([method, path, 404]);
      }
    }
    expect((await limited.call('PATCH', own, { zone_ids: [b.zoneId] })).status).toBe(200);
    for (const [zones, status] of [
      [['*'], 403],
      [[c.zoneId], 422],
      [[a.zoneId, c.zoneId], 422],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const changed = await limited.call('PATCH', own, { zone_ids: zones });
      // oxlint-disable-next-line no-await-in-loop
      const other = await limited.call('POST', '/webhooks', { ...body(), zone_ids: zones });
      expect([zones, changed.status, other.status]).toEqual([zones, status, status]);
    }
    // What another zone is told with that is not theirs is the same as what is not there.
    const [theirs, none] = await Promise.all(
      [c.zoneId, randomUUID()].map((zone) =>
        limited.call('POST', '/webhooks', { ...body(), zone_ids: [zone] }),
      ),
    );
    expect({ ...theirs?.body, requestId: '' }).toEqual({ ...none?.body, requestId: '' });
    expect((await limited.call('DELETE', own)).status).toBe(204);
    await Promise.all([call('DELETE', wider.at), call('DELETE', all.at)]);
  });

  test('is not shown what a webhook was told of other zones before it had only theirs', async () => {
    const webhook = await register([a.zoneId, c.zoneId]);
    await happens(a);
    await happens(c);
    await expect.poll(() => zonesTold(webhook)).toEqual(sorted(a, c));
    await received(webhook, 2);
    await call('PATCH', webhook.at, { zone_ids: [a.zoneId] });
    const items = async () =>
      (await limited.call('GET', `${webhook.at}/deliveries`)).body['items'] as object[];
    expect((await items()).map((each) => Reflect.get(each, 'zone_id'))).toEqual([a.zoneId]);
    await rows(
      replica.databaseUrl,
      'UPDATE webhook_deliveries SET delivered_at = NULL, dead_at = now() WHERE installation_webhook_id = $1',
      [webhook.id],
    );
    const [dead] = await rows<{ id: string }>(
      replica.databaseUrl,
      'SELECT id FROM webhook_deliveries WHERE installation_webhook_id = $1 AND zone_id = $2',
      [webhook.id, c.zoneId],
    );
    const retried = await limited.call('POST', `${webhook.at}/deliveries/${dead?.id}/retry`);
    expect(retried.status).toBe(409);
    const [own] = await items();
    const again = `${webhook.at}/deliveries/${String(Reflect.get(own ?? {}, 'id'))}/retry`;
    expect((await limited.call('POST', again)).status).toBe(202);
    await call('DELETE', webhook.at);
  });

  test('neither sees nor takes over a webhook whose zones are all gone', async () => {
    const gone = await newZone();
    const webhook = await register([gone.zoneId]);
    await call('DELETE', `/zones/${gone.zoneId}`);
    await expect
      .poll(() => rows(replica.databaseUrl, 'SELECT 1 FROM zones WHERE id = $1', [gone.zoneId]))
      .toEqual([]);
    expect((await limited.call('PATCH', webhook.at, { zone_ids: [a.zoneId] })).status).toBe(404);
    await call('DELETE', webhook.at);
  });

  test('needs the permission that webhooks of zones need', async () => {
    const auditor = await newOperator(replica, { role: 'auditor', zones: [a.zoneId] });
    expect((await auditor.call('GET', '/webhooks')).status).toBe(200);
    const asked = { ...body(), zone_ids: [a.zoneId] };
    expect((await auditor.call('POST', '/webhooks', asked)).status).toBe(403);
  });
});

describe('the control zone', () => {
  test('is told of to whom an owner says', async () => {
    const operator = await newOperator(replica, { role: 'operator' });
    const all = await register(['*']);
    await call('PUT', '/operators/control-zone', { zone_id: c.zoneId });
    const url = `${receiver.url}/control`;
    for (const zones of [['*'], [a.zoneId, c.zoneId]]) {
      // oxlint-disable-next-line no-await-in-loop
      const refused = await operator.call('POST', '/webhooks', { url, zone_ids: zones });
      expect([refused.status, refused.body['error_description']]).toEqual([
        403,
        expect.stringContaining('the control zone is among the zones'),
      ]);
    }
    expect((await operator.call('PATCH', all.at, { url })).status).toBe(403);
    expect((await operator.call('PATCH', all.at, { zone_ids: [a.zoneId] })).status).toBe(403);
    const own = await operator.call('POST', '/webhooks', { url, zone_ids: [a.zoneId] });
    expect(own.status).toBe(201);
    await call('DELETE', '/operators/control-zone');
    expect((await operator.call('DELETE', all.at)).status).toBe(204);
    await call('DELETE', `/webhooks/${String(own.body['id'])}`);
  });
});

describe('outbound policies', () => {
  test('of the zone of the event count beside those of the installation', async () => {
    const webhook = await register([a.zoneId, b.zoneId]);
    const policy = { name: 'nowhere', target: 'webhook_delivery' };
    const made = await b.admin('POST', '/outbound-policies', {
      ...policy,
      allowed_host_patterns: ['hooks.example'],
    });
    await happens(a);
    await happens(b);
    await expect.poll(() => zonesTold(webhook)).toEqual(sorted(a));
    const failed = `${webhook.at}/deliveries?zone=${b.zoneId}`;
    await expect
      .poll(async () => (await call('GET', failed)).body['items'])
      .toMatchObject([{ zone_id: b.zoneId, last_error: expect.stringContaining('polic') }]);
    expect(zonesTold(webhook)).toEqual(sorted(a));
    await b.admin('DELETE', `/outbound-policies/${String(made['id'])}`);

    const everywhere = await call('POST', '/outbound-policies', {
      ...policy,
      allowed_host_patterns: ['hooks.example'],
    });
    const url = `${receiver.url}/x`;
    const refused = await call('POST', '/webhooks', { url, zone_ids: [a.zoneId] });
    expect([refused.status, refused.body['error_description']]).toEqual([
      400,
      expect.stringContaining('url'),
    ]);
    await call('DELETE', `/outbound-policies/${String(everywhere.body['id'])}`);
    await call('DELETE', webhook.at);
  });
});

describe('what waits', () => {
  test('goes with a webhook that is removed, and is given up for zones that it is not told of any more', async () => {
    const webhook = await register([a.zoneId]);
    receiver.answers.set(webhook.path, { status: 500 });
    await happens(a);
    // At least once: on a busy machine it may have been tried again by now.
    await expect.poll(() => told(webhook).length).toBeGreaterThan(0);
    await call('DELETE', webhook.at);
    const narrowed = await register([a.zoneId, b.zoneId]);
    receiver.answers.set(narrowed.path, { status: 500 });
    await happens(a);
    await expect.poll(() => told(narrowed).length).toBeGreaterThan(0);
    await call('PATCH', narrowed.at, { zone_ids: [b.zoneId] });
    const left = () =>
      rows(
        replica.databaseUrl,
        'SELECT 1 FROM webhook_deliveries WHERE installation_webhook_id = $1',
        [webhook.id],
      );
    // Another process looks at once; this one does so every minute.
    const other = await startReplica({ databaseUrl: replica.databaseUrl, env: ALLOW_ALL });
    let toldBefore: number;
    try {
      await expect.poll(left).toEqual([]);
      toldBefore = told(webhook).length;
      const dead = `${narrowed.at}/deliveries?state=dead`;
      await expect
        .poll(async () => (await call('GET', dead)).body['items'])
        .toMatchObject([{ last_error: expect.stringContaining('not told of the zone any more') }]);
      await call('DELETE', narrowed.at);
      await rows(
        replica.databaseUrl,
        `UPDATE installation_webhooks SET removed_at = now() - interval '2 hours' WHERE id = $1`,
        [webhook.id],
      );
    } finally {
      await other.stop();
    }
    expect(told(webhook).length).toBe(toldBefore);
    const third = await startReplica({ databaseUrl: replica.databaseUrl, env: ALLOW_ALL });
    try {
      await expect
        .poll(() =>
          rows(replica.databaseUrl, 'SELECT 1 FROM installation_webhooks WHERE id = $1', [
            webhook.id,
          ]),
        )
        .toEqual([]);
    } finally {
      await third.stop();
    }
  });
});

describe("Shyntr's management API", () => {
  const post = (body: object) =>
    persistently(async () =>
      readAnswer(
        await fetch(`${replica.url}/admin/management/webhooks`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${replica.adminToken}`,
            'content-type': 'application/json',
          },
          body: JSON.stringify(body),
        }),
      ),
    );

  test('registers webhooks of several tenants, and of all', async () => {
    const { name: nameOfB } = (await call('GET', `/zones/${b.zoneId}`)).body;
    for (const [tenants, zones] of [
      [
        [a.zoneId, String(nameOfB), a.zoneId],
        [a.zoneId, b.zoneId],
      ],
      [['*'], ['*']],
    ] as const) {
      const body = { name: `hook ${randomUUID()}`, url: 'https://siem.example/hook' };
      // oxlint-disable-next-line no-await-in-loop
      const made = await post({ ...body, tenant_ids: tenants });
      expect([made.status, made.body]).toEqual([
        201,
        {
          ...body,
          id: expect.any(String),
          tenant_ids: zones,
          events: [],
          is_active: true,
          secret: expect.stringMatching(/^whsec_/),
          created_at: expect.any(String),
        },
      ]);
      const at = `/webhooks/${String(made.body['id'])}`;
      // oxlint-disable-next-line no-await-in-loop
      expect((await call('GET', at)).body['zone_ids']).toEqual(zones.toSorted());
      // oxlint-disable-next-line no-await-in-loop
      const [row] = await auditOf(replica.databaseUrl, made.requestId);
      expect(row?.event).toMatchObject({ type: 'admin.webhook.registered' });
      // oxlint-disable-next-line no-await-in-loop
      await call('DELETE', at);
    }
  });
});
