import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { rows, sharedReplica, withClient, type Replica } from '../setup/harness.js';
import { eventOf, newSignalReceiver, type SignalReceiver } from '../setup/signal-receiver.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, readAnswer, type TestZone } from '../setup/zone.js';

const PATIENCE = { interval: 50 };
const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';

let a: Replica;
let b: Replica;
let zone: TestZone;
let receiver: SignalReceiver;
let stream: string;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});
beforeEach(async () => {
  zone = await createTestZone(a);
  receiver = await newSignalReceiver(zone);
  const made = await receiver.call('POST', 'configuration_endpoint', {});
  stream = String(made.body['stream_id']);
});

const events = async () =>
  (await receiver.sets(await receiver.poll(stream))).map((set) => [...eventOf(set), set.sub_id]);

/** What the commit of a step-up does with the session of who has shown something. */
const remember = (sid: string, acr: string) =>
  rows(a.databaseUrl, 'SELECT ledger_remember($1, $2)', [
    zone.zoneId,
    JSON.stringify({
      session_id: sid,
      subject: zone.clientId,
      issuer: null,
      acr,
      amr: ['otp'],
      auth_time: 1_700_000_000,
    }),
  ]);

test('receivers are told of authenticators that come and go', async () => {
  const { id } = await zone.admin('POST', '/authenticators', { subject: 'alice', kind: 'totp' });
  await callAdmin(a, 'DELETE', `/zones/${zone.zoneId}/authenticators/${String(id)}`);
  await expect.poll(async () => (await events()).length, PATIENCE).toBe(2);
  const subject = { format: 'iss_sub', iss: zone.issuer, sub: 'alice' };
  const said = { credential_type: 'app', event_timestamp: expect.any(Number) };
  expect(await events()).toEqual([
    [`${CAEP}credential-change`, { change_type: 'create', ...said }, subject],
    [`${CAEP}credential-change`, { change_type: 'delete', ...said }, subject],
  ]);
});

test('receivers are told of what kind an authenticator is, in our word where CAEP has none', async () => {
  const kinds = ['webauthn', 'recovery_code'];
  for (const kind of kinds) {
    await rows(
      a.databaseUrl,
      `INSERT INTO authenticators (zone_id, id, subject, kind, credential_id, public_key, sign_count)
       VALUES ($1, gen_random_uuid(), 'alice', $2, gen_random_uuid(), '', 0)`,
      [zone.zoneId, kind],
    );
  }
  await expect.poll(async () => (await events()).length, PATIENCE).toBe(kinds.length);
  const told = (await events()).map(([, said]) => said);
  const kind = (name: string) => expect.objectContaining({ credential_type: name });
  expect(told).toHaveLength(2);
  expect(told).toEqual(expect.arrayContaining([kind('fido2-roaming'), kind('recovery_code')]));
});

test('receivers are told what a step-up makes of a session, once', async () => {
  const { sid } = decodeJwt(String((await zone.session()).body['access_token']));
  await remember(String(sid), 'mfa');
  await remember(String(sid), 'mfa');
  await remember(String(sid), 'face');
  await expect.poll(async () => (await events()).length, PATIENCE).toBe(2);
  const subject = {
    format: 'complex',
    session: { format: 'opaque', id: sid },
    user: { format: 'iss_sub', iss: zone.issuer, sub: zone.clientId },
  };
  const said = { namespace: 'acr', event_timestamp: expect.any(Number) };
  expect(await events()).toEqual([
    [`${CAEP}assurance-level-change`, { ...said, current_level: 'mfa' }, subject],
    [
      `${CAEP}assurance-level-change`,
      { ...said, current_level: 'face', previous_level: 'mfa' },
      subject,
    ],
  ]);
});

test('where nobody is told, nothing of that is kept', async () => {
  await receiver.call('DELETE', 'configuration_endpoint', undefined, {
    query: `?stream_id=${stream}`,
  });
  await zone.admin('POST', '/authenticators', { subject: 'alice', kind: 'totp' });
  const { sid } = decodeJwt(String((await zone.session()).body['access_token']));
  await remember(String(sid), 'mfa');
  const kept = await rows(a.databaseUrl, 'SELECT 1 FROM ssf_outbox WHERE zone_id = $1', [
    zone.zoneId,
  ]);
  expect(kept).toEqual([]);
});

test('a stream has what happens after it was made, and nothing of before', async () => {
  const later = await newSignalReceiver(zone);
  const lock = [`shared signals of ${zone.zoneId}`];
  let made: Promise<Awaited<ReturnType<typeof later.call>>> | undefined;
  await withClient(a.databaseUrl, async (client) => {
    await client.query('BEGIN');
    // As long as this is held, nothing is put on streams.
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', lock);
    await zone.admin('POST', '/authenticators', { subject: 'early', kind: 'totp' });
    made = later.call('POST', 'configuration_endpoint', {});
    // It is made now, or waits for that.
    await Promise.race([
      made,
      until(async () => {
        const waiting = await rows(
          a.databaseUrl,
          `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
            WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted`,
          [],
        );
        return waiting.length > 0;
      }),
    ]);
    await client.query('ROLLBACK');
  });
  const id = String((await made)?.body['stream_id']);
  await zone.admin('POST', '/authenticators', { subject: 'late', kind: 'totp' });
  const told = async (by: typeof later, of: string) =>
    (await by.sets(await by.poll(of))).map(({ sub_id }) => String(Object(sub_id).sub));
  await expect.poll(() => told(receiver, stream), PATIENCE).toEqual(['early', 'late']);
  await expect.poll(() => told(later, id), PATIENCE).toEqual(['late']);
});

test('a receiver that waits is woken by what comes, wherever that happens', async () => {
  const put = () =>
    rows(a.databaseUrl, `SELECT ssf_tell_stream($1, $2, 'urn:x', '{}', false)`, [
      zone.zoneId,
      stream,
    ]);
  const held = async () =>
    (await rows(a.databaseUrl, 'SELECT 1 FROM ssf_deliveries WHERE stream_id = $1', [stream]))
      .length;
  await put();
  const [first] = await receiver.sets(await receiver.poll(stream));
  const waiting = receiver.poll(stream, { returnImmediately: false, ack: [String(first?.jti)] }, b);
  // Its first look takes off what it has acknowledged: from then on it waits.
  await expect.poll(held, PATIENCE).toBe(0);
  await put();
  // It would wait for 25 s, were it not woken.
  const answer = await Promise.race([
    waiting,
    new Promise<null>((resolve) => setTimeout(() => resolve(null), 18_000).unref()),
  ]);
  if (answer === null) throw new Error('it was not woken');
  expect(await receiver.sets(answer)).toHaveLength(1);
});

test('the configuration is where it is found by the issuer, also by the one before', async () => {
  const path = `${a.url}/.well-known/ssf-configuration/zones/${zone.zoneId}`;
  const found = await persistently(async () => readAnswer(await fetch(path)));
  expect([found.status, found.body['issuer']]).toEqual([200, zone.issuer]);
  const headers = { 'if-none-match': found.headers.get('etag') ?? 'none' };
  expect((await persistently(() => fetch(path, { headers }))).status).toBe(304);
  await zone.admin('PATCH', '', { issuer_mode: 'shared' });
  // Its mandates still are of that one.
  const later = await persistently(async () => readAnswer(await fetch(path)));
  expect([later.status, later.body['issuer']]).toEqual([200, zone.issuer]);
  // Its receivers go on where they were told to.
  const put = await receiver.call('GET', 'status_endpoint', undefined, {
    query: `?stream_id=${stream}`,
    bearer: await receiver.token(),
  });
  expect([put.status, put.body['status']]).toEqual([200, 'enabled']);
});
