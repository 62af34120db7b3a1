import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { eventOf, newSignalReceiver, type SignalReceiver } from '../setup/signal-receiver.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const PATIENCE = { interval: 50, timeout: 15_000 };
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
}, 40_000);
