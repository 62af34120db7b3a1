import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import {
  eventOf,
  newSignalReceiver,
  SESSION_REVOKED,
  VERIFICATION,
  type SignalReceiver,
} from '../setup/signal-receiver.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const PATIENCE = { interval: 50 };

let a: Replica;
let b: Replica;
let zone: TestZone;
let receiver: SignalReceiver;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
  zone = await createTestZone(a);
});
beforeEach(async () => {
  receiver = await newSignalReceiver(zone, b);
});

async function create(body: object = {}, of = receiver): Promise<string> {
  const made = await of.call('POST', 'configuration_endpoint', body);
  expect(made.status).toBe(201);
  return String(made.body['stream_id']);
}

/** Opens a session of the zone's client, and ends it as an operator does. */
async function endSession(of = zone): Promise<string> {
  const opened = await persistently(() => of.session());
  const sid = String(decodeJwt(String(opened.body['access_token']))['sid']);
  await persistently(() => callAdmin(a, 'DELETE', `/zones/${of.zoneId}/sessions/${sid}`));
  return sid;
}

const refused = (answer: { status: number; body: Record<string, unknown> }) => [
  answer.status,
  answer.body['error'],
];

describe('the flow of the CAEP Interoperability Profile, by poll', () => {
  test('a stream is created, verified, told of a revoked session, and deleted', async () => {
    expect(receiver.configuration).toMatchObject({
      spec_version: '1_0',
      issuer: zone.issuer,
      delivery_methods_supported: ['urn:ietf:rfc:8935', 'urn:ietf:rfc:8936'],
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
      default_subjects: 'ALL',
    });
    // Poll is what is meant where nothing is said.
    const made = await receiver.call('POST', 'configuration_endpoint', {
      events_requested: [SESSION_REVOKED, 'urn:unknown'],
      description: 'mine',
    });
    expect(made.status).toBe(201);
    const id = String(made.body['stream_id']);
    expect(made.body).toMatchObject({
      iss: zone.issuer,
      aud: receiver.clientId,
      events_requested: [SESSION_REVOKED, 'urn:unknown'],
      events_delivered: [SESSION_REVOKED],
      delivery: {
        method: 'urn:ietf:rfc:8936',
        endpoint_url: expect.stringMatching(new RegExp(`/zones/${zone.zoneId}/ssf/poll/${id}$`)),
      },
      description: 'mine',
    });
    const [created] = await zone.audit(made.requestId);
    expect(created?.event).toMatchObject({
      type: 'ssf_stream.created',
      client_id: receiver.clientId,
      stream: { stream_id: id },
    });

    const state = 'VGhpcyBpcyBhbiBleGFtcGxlIHN0YXRlIHZhbHVlLgo=';
    const asked = await receiver.call('POST', 'verification_endpoint', { stream_id: id, state });
    expect(asked.status).toBe(204);
    const [verification, ...others] = await receiver.sets(await receiver.poll(id));
    expect(others).toEqual([]);
    expect(verification?.sub_id).toEqual({ format: 'opaque', id });
    expect(verification?.events).toEqual({ [VERIFICATION]: { state } });

    const sid = await endSession();
    const ack = [String(verification?.jti)];
    await expect
      .poll(async () => (await receiver.sets(await receiver.poll(id, { ack }))).length, PATIENCE)
      .toBe(1);
    const [revoked] = await receiver.sets(await receiver.poll(id));
    expect(revoked?.sub_id).toEqual({
      format: 'complex',
      session: { format: 'opaque', id: sid },
      user: { format: 'iss_sub', iss: zone.issuer, sub: zone.clientId },
    });
    expect(revoked && eventOf(revoked)).toEqual([
      SESSION_REVOKED,
      {
        event_timestamp: expect.any(Number),
        reason_admin: { en: expect.stringMatching(/./) },
      },
    ]);

    const gone = await receiver.call('DELETE', 'configuration_endpoint', undefined, {
      query: `?stream_id=${id}`,
    });
    expect(gone.status).toBe(204);
    expect((await receiver.poll(id)).status).toBe(404);
    const none = await receiver.call('GET', 'configuration_endpoint');
    expect([none.status, Object.keys(none.body)]).toEqual([200, []]);
  });
});

describe('a stream', () => {
  test('is read, updated and replaced', async () => {
    const id = await create({ description: 'one', events_requested: [SESSION_REVOKED] });
    const read = async () =>
      (
        await receiver.call('GET', 'configuration_endpoint', undefined, {
          query: `?stream_id=${id}`,
        })
      ).body;
    const before = await read();
    const patched = await receiver.call('PATCH', 'configuration_endpoint', {
      stream_id: id,
      description: 'two',
      // Repeated rightly.
      aud: before['aud'],
      events_delivered: before['events_delivered'],
    });
    expect(patched.status).toBe(200);
    expect(patched.body).toEqual({ ...before, description: 'two' });
    expect(await read()).toEqual(patched.body);

    const replaced = await receiver.call('PUT', 'configuration_endpoint', { stream_id: id });
    expect(replaced.status).toBe(200);
    expect(replaced.body).not.toHaveProperty('description');
    expect(replaced.body).not.toHaveProperty('events_requested');
    // Without a word of it all of them are delivered.
    expect(replaced.body['events_delivered']).toEqual(before['events_supported']);
  });

  test('is one to a receiver, which two replicas agree on', async () => {
    const answers = await Promise.all(
      [a, b, a, b].map((at) => receiver.call('POST', 'configuration_endpoint', {}, { at })),
    );
    expect(answers.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([
      201, 409, 409, 409,
    ]);
  });

  test.each([
    ['is no object', { events_requested: 'all' }],
    ['has another method', { delivery: { method: 'urn:example:pigeon' } }],
    ['has no place to push to', { delivery: { method: 'urn:ietf:rfc:8935' } }],
    [
      'pushes to what is no URL',
      { delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: 'file:///etc/passwd' } },
    ],
    [
      'has a header of two lines',
      {
        delivery: {
          method: 'urn:ietf:rfc:8935',
          endpoint_url: 'https://receiver.example/',
          authorization_header: 'a\nb',
        },
      },
    ],
  ])('is refused if it %s', async (_what, body) => {
    expect(refused(await receiver.call('POST', 'configuration_endpoint', body))).toEqual([
      400,
      'invalid_request',
    ]);
  });

  test('is not changed by what only the transmitter says', async () => {
    const id = await create();
    const { status, body } = await receiver.call('PATCH', 'configuration_endpoint', {
      stream_id: id,
      aud: 'https://somebody.else',
    });
    expect([status, body['error_description']]).toEqual([400, expect.stringMatching(/^aud /)]);
  });

  test('never shows the secret that is sent to its receiver', async () => {
    const delivery = {
      method: 'urn:ietf:rfc:8935',
      endpoint_url: 'https://receiver.example/events',
      authorization_header: 'Bearer never-shown',
    };
    const made = await receiver.call('POST', 'configuration_endpoint', { delivery });
    const shown = await receiver.call('GET', 'configuration_endpoint');
    const [event] = await zone.audit(made.requestId);
    expect(JSON.stringify([made.body, shown.body, event])).not.toContain('never-shown');
    const [row] = await rows(
      a.databaseUrl,
      'SELECT sealed_authorization IS NOT NULL AS sealed FROM ssf_streams WHERE id = $1',
      [made.body['stream_id']],
    );
    expect(row).toEqual({ sealed: true });
  });

  test('of another receiver is 403, an unknown one 404, and one of another zone unknown', async () => {
    const id = await create();
    const other = await newSignalReceiver(zone);
    const query = `?stream_id=${id}`;
    const get = (of: SignalReceiver, endpoint: string, at: string) =>
      of.call('GET', endpoint, undefined, { query: at });
    for (const answer of [
      await get(other, 'configuration_endpoint', query),
      await get(other, 'status_endpoint', query),
      await other.poll(id),
      await other.call('POST', 'verification_endpoint', { stream_id: id }),
      await other.call('DELETE', 'configuration_endpoint', undefined, { query }),
    ]) {
      expect(refused(answer)).toEqual([403, 'access_denied']);
    }
    for (const unknown of ['?stream_id=x', '?stream_id=', '?stream_id=a&stream_id=b']) {
      expect(refused(await get(other, 'status_endpoint', unknown))).toEqual([404, 'not_found']);
    }
    expect((await get(other, 'status_endpoint', '')).status).toBe(404);
    const elsewhere = await newSignalReceiver(await createTestZone(a));
    expect(refused(await get(elsewhere, 'status_endpoint', query))).toEqual([404, 'not_found']);
  });

  test('ends when its client is no receiver any more', async () => {
    const id = await create();
    await zone.admin('PATCH', `/clients/${receiver.clientId}`, { ssf: false });
    // The bearer that it has is of no use for this any more.
    expect(refused(await receiver.poll(id))).toEqual([403, 'access_denied']);
    expect(await rows(a.databaseUrl, 'SELECT 1 FROM ssf_streams WHERE id = $1', [id])).toEqual([]);
  });
});

describe('a bearer', () => {
  test('is required, for this zone and for shared signals', async () => {
    const none = await receiver.call('GET', 'configuration_endpoint', undefined, { bearer: null });
    expect(refused(none)).toEqual([401, 'invalid_token']);
    expect(none.headers.get('www-authenticate')).toBe('Bearer realm="mandate"');
    // A session mandate of a receiver, for something else.
    const own = await zone.session();
    const token = String(own.body['access_token']);
    const other = await receiver.call('GET', 'configuration_endpoint', undefined, {
      bearer: token,
    });
    expect(refused(other)).toEqual([401, 'invalid_token']);
    const elsewhere = await newSignalReceiver(await createTestZone(a));
    const foreign = await receiver.call('GET', 'configuration_endpoint', undefined, {
      bearer: await elsewhere.token(),
    });
    expect(refused(foreign)).toEqual([401, 'invalid_token']);
  });

  test('with ssf.read reads and fetches, and changes nothing', async () => {
    const id = await create();
    const bearer = await receiver.token('ssf.read');
    const query = `?stream_id=${id}`;
    const read = await receiver.call('GET', 'configuration_endpoint', undefined, { bearer, query });
    expect(read.status).toBe(200);
    const status = await receiver.call('GET', 'status_endpoint', undefined, { bearer, query });
    expect(status.body).toEqual({ stream_id: id, status: 'enabled' });
    for (const [method, endpoint, body] of [
      ['POST', 'configuration_endpoint', {}],
      ['PATCH', 'configuration_endpoint', { stream_id: id }],
      ['PUT', 'configuration_endpoint', { stream_id: id }],
      ['POST', 'status_endpoint', { stream_id: id, status: 'paused' }],
      ['POST', 'verification_endpoint', { stream_id: id }],
      ['POST', 'add_subject_endpoint', { stream_id: id, subject: { format: 'opaque', id: 'x' } }],
    ] as const) {
      const answer = await receiver.call(method, endpoint, body, { bearer });
      expect([method, endpoint, ...refused(answer)]).toEqual([
        method,
        endpoint,
        403,
        'insufficient_scope',
      ]);
      expect(answer.headers.get('www-authenticate')).toContain('scope="ssf.manage"');
    }
  });

  test('whose session was ended is refused', async () => {
    const bearer = await receiver.token();
    const { sid } = decodeJwt(bearer);
    await zone.admin('DELETE', `/sessions/${String(sid)}`);
    const answer = await receiver.call('GET', 'configuration_endpoint', undefined, { bearer });
    expect(refused(answer)).toEqual([401, 'invalid_token']);
  });
});

describe('verification', () => {
  test('is refused if it is asked for again at once, at whichever replica', async () => {
    const id = await create();
    const ask = (at: Replica) =>
      receiver.call('POST', 'verification_endpoint', { stream_id: id }, { at });
    expect((await ask(a)).status).toBe(204);
    const again = await ask(b);
    expect(refused(again)).toEqual([429, 'slow_down']);
    expect(Number(again.headers.get('retry-after'))).toBeGreaterThan(0);
    // What the receiver did not say does not come back.
    const [set] = await receiver.sets(await receiver.poll(id));
    expect(set?.events).toEqual({ [VERIFICATION]: {} });
  });
});

describe('the status', () => {
  const sent = async (id: string) => (await receiver.sets(await receiver.poll(id))).length;
  const held = async (id: string) =>
    (await rows(a.databaseUrl, 'SELECT 1 FROM ssf_deliveries WHERE stream_id = $1', [id])).length;
  const set = (id: string, status: string, reason?: string) =>
    receiver.call('POST', 'status_endpoint', {
      stream_id: id,
      status,
      ...(reason === undefined ? {} : { reason }),
    });

  test('paused keeps what happens, and sends it when it is enabled again', async () => {
    const id = await create();
    const paused = await set(id, 'paused', 'maintenance');
    expect([paused.status, paused.body]).toEqual([
      200,
      { stream_id: id, status: 'paused', reason: 'maintenance' },
    ]);
    await endSession();
    await expect.poll(() => held(id), PATIENCE).toBe(1);
    expect(await sent(id)).toBe(0);
    expect((await set(id, 'enabled')).body).toEqual({ stream_id: id, status: 'enabled' });
    expect(await sent(id)).toBe(1);
  });

  test('disabled keeps nothing', async () => {
    const id = await create();
    await receiver.call('POST', 'verification_endpoint', { stream_id: id });
    expect((await set(id, 'disabled')).status).toBe(200);
    expect(await held(id)).toBe(0);
    // Another stream of the zone shows that the event has been put where it belongs.
    const other = await newSignalReceiver(zone);
    const elsewhere = await create({}, other);
    await endSession();
    await expect.poll(() => held(elsewhere), PATIENCE).toBe(1);
    expect(await held(id)).toBe(0);
    await set(id, 'enabled');
    expect(await sent(id)).toBe(0);
  });

  test('is none that there is not', async () => {
    const id = await create();
    expect(refused(await set(id, 'gone'))).toEqual([400, 'invalid_request']);
  });
});

describe('subjects', () => {
  const subject = (verb: 'add' | 'remove', id: string, value: unknown) =>
    receiver.call('POST', `${verb}_subject_endpoint`, { stream_id: id, subject: value });

  test('are all on a stream but those that were taken off, until they are put back', async () => {
    const id = await create();
    const user = { format: 'iss_sub', iss: zone.issuer, sub: zone.clientId };
    const off = await subject('remove', id, user);
    expect([off.status, off.headers.get('cache-control')]).toEqual([204, 'no-store']);
    await endSession();
    const other = await newClientSession();
    await expect
      .poll(async () => (await receiver.sets(await receiver.poll(id))).length, PATIENCE)
      .toBe(1);
    const [only] = await receiver.sets(await receiver.poll(id));
    expect(only?.sub_id).toMatchObject({ session: { id: other } });

    expect((await subject('add', id, user)).status).toBe(200);
    const sid = await endSession();
    await expect
      .poll(async () => (await receiver.sets(await receiver.poll(id))).length, PATIENCE)
      .toBe(2);
    const sets = await receiver.sets(await receiver.poll(id));
    expect(sets[1]?.sub_id).toMatchObject({ session: { id: sid } });
  });

  test('are taken off by all that a complex one names, and by nothing else', async () => {
    const id = await create();
    const user = { format: 'iss_sub', iss: zone.issuer, sub: zone.clientId };
    const session = (sid: string) => ({ format: 'opaque', id: sid });
    const open = async () =>
      String(
        decodeJwt(String((await persistently(() => zone.session())).body['access_token']))['sid'],
      );
    const end = (sid: string) =>
      persistently(() => callAdmin(a, 'DELETE', `/zones/${zone.zoneId}/sessions/${sid}`));
    const [one, both, stranger, kept] = [await open(), await open(), await open(), await open()];
    const nobody = { ...user, sub: 'nobody' };
    for (const off of [
      { format: 'complex', session: session(one) },
      { format: 'complex', user, session: session(both) },
      // Nothing that happens here is about all of this.
      { format: 'complex', user: nobody, session: session(stranger) },
      { format: 'complex', user, tenant: { format: 'opaque', id: 'x' } },
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect((await subject('remove', id, off)).status).toBe(204);
    }
    const told = async () =>
      (await receiver.sets(await receiver.poll(id))).map(
        ({ sub_id }) => (sub_id as { session: { id: string } }).session.id,
      );
    // What is put on the stream last shows that those before were not.
    for (const sid of [one, both, stranger, kept]) await end(sid);
    await expect.poll(told, PATIENCE).toEqual([stranger, kept]);

    // All sessions of the user, until that is put back as it was named.
    expect((await subject('remove', id, { format: 'complex', user })).status).toBe(204);
    await endSession();
    expect((await subject('add', id, { format: 'complex', user })).status).toBe(200);
    const later = await endSession();
    await expect.poll(told, PATIENCE).toEqual([stranger, kept, later]);
  });

  test('are named by the issuer that the zone had before, as long as that is accepted', async () => {
    const id = await create();
    const before = 'https://before.example';
    const stored = async (sub: string) => {
      const off = await subject('remove', id, { format: 'iss_sub', iss: before, sub });
      expect(off.status).toBe(204);
      const found = await rows<{ iss: string | null }>(
        a.databaseUrl,
        `SELECT subject->>'iss' AS iss FROM ssf_subjects WHERE stream_id = $1 AND subject->>'sub' = $2`,
        [id, sub],
      );
      return found.map(({ iss }) => iss);
    };
    for (const [seconds, iss] of [
      [60, null],
      [-1, before],
    ] as const) {
      // oxlint-disable no-await-in-loop -- one after the other
      await rows(
        a.databaseUrl,
        `UPDATE zones SET previous_issuer = $2, previous_issuer_until = clock_timestamp() + make_interval(secs => $3)
          WHERE id = $1`,
        [zone.zoneId, before, seconds],
      );
      // What the server knows of the zone follows a change of its row.
      let asked = 0;
      await expect
        .poll(() => stored(`user ${(asked += 1)} of ${seconds}`), PATIENCE)
        .toEqual([iss]);
      // oxlint-enable no-await-in-loop
    }
  });

  /** Ends a session of a client that nobody has taken off. */
  async function newClientSession(): Promise<string> {
    const { clientId: client_id, secret: client_secret } = await zone.newClient();
    const opened = await persistently(() => zone.session({ client_id, client_secret }));
    const sid = String(decodeJwt(String(opened.body['access_token']))['sid']);
    await persistently(() => callAdmin(a, 'DELETE', `/zones/${zone.zoneId}/sessions/${sid}`));
    return sid;
  }

  test.each([
    ['of no format', { id: 'x' }],
    ['of an unknown format', { format: 'shoe-size', id: '44' }],
    ['that lacks a member', { format: 'iss_sub', iss: 'https://idp.example' }],
    ['that is complex, and names nobody', { format: 'complex', user: { format: 'opaque' } }],
    ['that has several names', { format: 'aliases', identifiers: [{ format: 'opaque', id: 'x' }] }],
    ['that is a text', 'alice'],
    ['that is too large', { format: 'opaque', id: 'x'.repeat(5_000) }],
  ])('%s are refused', async (_what, value) => {
    const id = await create();
    expect(refused(await subject('remove', id, value))).toEqual([400, 'invalid_request']);
    expect(refused(await subject('add', id, value))).toEqual([400, 'invalid_request']);
  });
});

test('a zone that is unknown has no configuration', async () => {
  for (const id of ['x', '00000000-0000-7000-8000-000000000000']) {
    const response = await fetch(`${a.url}/.well-known/ssf-configuration/zones/${id}`);
    expect(response.status).toBe(404);
  }
});
