import { randomUUID } from 'node:crypto';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rows, sharedReplica, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { eventOf, newSignalReceiver, SESSION_REVOKED } from '../setup/signal-receiver.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  postForm,
  readAnswer,
  TOKEN_EXCHANGE,
  type Answer,
  type TestZone,
} from '../setup/zone.js';

const PATIENCE = { interval: 50 };
const AUDIENCE = 'https://mandate.example';

let a: Replica;
let b: Replica;
let zone: TestZone;
let idp: Idp;

/** An identity provider that a zone trusts, as a transmitter of shared signals. */
interface Idp {
  readonly issuer: string;
  sign(claims: JWTPayload, header?: object): Promise<string>;
  /** A Security Event Token that says that what a user has is revoked, or another one. */
  set(sub: string, claims?: JWTPayload, header?: object): Promise<string>;
}

async function newIdp(of: TestZone, trusted = true, terms: object = {}): Promise<Idp> {
  const issuer = `https://idp-${randomUUID()}.example`;
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  if (trusted) {
    const jwk = { ...(await exportJWK(publicKey)), kid: 'idp', alg: 'RS256', use: 'sig' };
    await of.admin('POST', '/issuers', {
      issuer,
      jwks: { keys: [jwk] },
      audiences: [AUDIENCE],
      token_types: ['jwt'],
      ...terms,
    });
  }
  const sign: Idp['sign'] = (claims, header = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'idp', typ: 'secevent+jwt', ...header })
      .sign(privateKey);
  return {
    issuer,
    sign,
    set: (sub, claims = {}, header = {}) =>
      sign(
        {
          iss: issuer,
          aud: of.issuer,
          jti: randomUUID(),
          iat: Math.floor(Date.now() / 1_000),
          sub_id: { format: 'iss_sub', iss: issuer, sub },
          events: { [SESSION_REVOKED]: { event_timestamp: Math.floor(Date.now() / 1_000) } },
          ...claims,
        },
        header,
      ),
  };
}

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
  zone = await createTestZone(a);
  idp = await newIdp(zone);
});

const push = (set: string, of = zone, at = b, type = 'application/secevent+jwt') =>
  persistently(async () =>
    readAnswer(
      await fetch(`${at.url}/zones/${of.zoneId}/ssf/receive`, {
        method: 'POST',
        headers: { 'content-type': type, accept: 'application/json' },
        body: set,
      }),
    ),
  );

/** A mandate of a user of the identity provider, of which nothing is left to be exchanged if the user was taken back. */
async function mandateOf(sub: string, of = idp): Promise<Answer> {
  const now = Math.floor(Date.now() / 1_000);
  const token = await of.sign(
    { iss: of.issuer, sub, aud: AUDIENCE, iat: now, exp: now + 600 },
    { typ: 'JWT' },
  );
  return persistently(() =>
    postForm(a.url, {
      grant_type: TOKEN_EXCHANGE,
      client_id: zone.clientId,
      client_secret: zone.secret,
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      resource: zone.resource,
      scope: 'a:read',
    }),
  );
}

async function sessionOf(answer: Answer) {
  expect(answer.status).toBe(200);
  const { sid } = decodeJwt(String(answer.body['access_token']));
  const [row] = await rows<{ ended: boolean }>(
    a.databaseUrl,
    'SELECT ended_at IS NOT NULL AS ended FROM sessions WHERE id = $1',
    [sid],
  );
  return { sid: String(sid), ended: row?.ended };
}

const generationsOf = (of: TestZone) =>
  rows(a.databaseUrl, `SELECT gen FROM generations WHERE zone_id = $1 AND kind = 'subject'`, [
    of.zoneId,
  ]);

describe('a session-revoked of a trusted issuer', () => {
  test('takes back what that user has, and nobody else, and is recorded', async () => {
    const [alice, bob] = [await mandateOf('alice'), await mandateOf('bob')];
    const answer = await push(await idp.set('alice'));
    expect([answer.status, answer.body]).toEqual([202, {}]);
    expect((await sessionOf(alice)).ended).toBe(true);
    expect((await sessionOf(bob)).ended).toBe(false);
    const [event] = await zone.audit(answer.requestId);
    expect(event?.event).toMatchObject({
      type: 'ssf.session_revoked',
      outcome: 'done',
      subject: { iss: idp.issuer, sub: 'alice' },
      sessions: 1,
      generation: 1,
    });
  });

  test('is passed on to receivers of the zone', async () => {
    const receiver = await newSignalReceiver(zone);
    const made = await receiver.call('POST', 'configuration_endpoint', {});
    const id = String(made.body['stream_id']);
    const { sid } = await sessionOf(await mandateOf('carol'));
    await push(await idp.set('carol'));
    await expect
      .poll(async () => (await receiver.sets(await receiver.poll(id))).length, PATIENCE)
      .toBe(3);
    const sets = await receiver.sets(await receiver.poll(id));
    const user = { format: 'iss_sub', iss: idp.issuer, sub: 'carol' };
    expect(sets.map((set) => [eventOf(set)[0], set.sub_id])).toEqual([
      ['urn:mandate:event:authority-revoked', user],
      [SESSION_REVOKED, { format: 'complex', user }],
      [SESSION_REVOKED, { format: 'complex', session: { format: 'opaque', id: sid }, user }],
    ]);
    expect(sets[0] && eventOf(sets[0])[1]).toMatchObject({ kind: 'subject', gen: 1 });
  });

  test('counts once, however often it comes and wherever', async () => {
    const own = await createTestZone(a);
    const other = await newIdp(own);
    const set = await other.set('alice');
    const answers = await Promise.all([a, b, a, b].map((at) => push(set, own, at)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(await generationsOf(own)).toEqual([{ gen: 1 }]);
  });

  test('is taken for the endpoint as well, and by the user of a session', async () => {
    const own = await createTestZone(a);
    const other = await newIdp(own);
    const receive = `${own.issuer.replace(/\/$/, '')}/ssf/receive`;
    const user = { format: 'iss_sub', iss: other.issuer, sub: 'alice' };
    const sub_id = { format: 'complex', session: { format: 'opaque', id: 'theirs' }, user };
    const answer = await push(
      await other.set('', { aud: ['https://x.example', receive], sub_id }),
      own,
    );
    expect(answer.status).toBe(202);
    expect(await generationsOf(own)).toEqual([{ gen: 1 }]);
  });
});

const TOKEN_CLAIMS_CHANGE =
  'https://schemas.openid.net/secevent/caep/event-type/token-claims-change';

describe('a token-claims-change of a trusted issuer', () => {
  test('takes back its user where we go by the claim, and nobody for another claim', async () => {
    const own = await createTestZone(a);
    const other = await newIdp(own, true, { label_claims: ['groups'] });
    const changed = (sub: string, claims: object) =>
      other.set(sub, { events: { [TOKEN_CLAIMS_CHANGE]: { claims } } });
    expect((await push(await changed('alice', { phone: '1' }), own)).status).toBe(202);
    expect(await generationsOf(own)).toEqual([]);
    const answer = await push(await changed('alice', { groups: ['none'] }), own);
    expect(answer.status).toBe(202);
    expect(await generationsOf(own)).toEqual([{ gen: 1 }]);
    const [event] = await own.audit(answer.requestId);
    expect(event?.event).toMatchObject({
      type: 'ssf.session_revoked',
      set: { event: TOKEN_CLAIMS_CHANGE },
    });
  });
});

test('very many signals of no consequence cost no rows, and then not even a look; others count', async () => {
  const own = await createTestZone(a);
  const other = await newIdp(own);
  const nothing = { 'https://schemas.openid.net/secevent/risc/event-type/opt-in': {} };
  const forged = async (claims: JWTPayload = {}) =>
    `${(await other.set('alice', claims)).split('.').slice(0, 2).join('.')}.AAAA`;
  expect((await push(await forged({ events: nothing }), own, a)).status).toBe(400);
  // Until one that nobody has signed is taken as well: it was not verified.
  const sent = new Set<number>();
  for (let n = 0; n < 30; n += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () =>
        push(await other.set('alice', { events: nothing }), own, a),
      ),
    );
    for (const { status } of answers) sent.add(status);
  }
  expect([...sent]).toEqual([202]);
  expect((await push(await forged({ events: nothing }), own, a)).status).toBe(202);
  expect((await push(await forged(), own, a)).status).toBe(400);
  const kept = 'SELECT 1 FROM ssf_received WHERE zone_id = $1';
  expect(await rows(a.databaseUrl, kept, [own.zoneId])).toEqual([]);
  expect((await push(await other.set('alice'), own, a)).status).toBe(202);
  expect(await generationsOf(own)).toEqual([{ gen: 1 }]);
  const lines = () => a.logs().filter((line) => line.includes(other.issuer));
  await expect.poll(() => lines().length, PATIENCE).toBe(1);
  expect(lines()[0]).toContain('no consequence');
});

test("for the issuer before the zone's last change it counts while that is accepted", async () => {
  const own = await createTestZone(a);
  const other = await newIdp(own);
  const before = own.issuer;
  await own.admin('PATCH', '', { issuer_mode: 'shared' });
  expect((await push(await other.set('alice', { aud: before }), own)).status).toBe(202);
  await rows(
    a.databaseUrl,
    `UPDATE zones SET previous_issuer_until = clock_timestamp() - interval '1 s' WHERE id = $1`,
    [own.zoneId],
  );
  await expect
    .poll(async () => (await push(await other.set('bob', { aud: before }), own)).status, PATIENCE)
    .toBe(400);
});

describe('of no consequence', () => {
  test.each([
    [
      'is the user of another issuer',
      { sub_id: { format: 'iss_sub', iss: 'https://x.example', sub: 'alice' } },
    ],
    ['is a session that only its issuer knows', { sub_id: { format: 'opaque', id: 'x' } }],
    [
      'is another event',
      { events: { 'https://schemas.openid.net/secevent/ssf/event-type/verification': {} } },
    ],
  ])('%s', async (_what, claims) => {
    const own = await createTestZone(a);
    const other = await newIdp(own);
    expect((await push(await other.set('alice', claims), own)).status).toBe(202);
    expect(await generationsOf(own)).toEqual([]);
  });
});

/** Where refusals are counted against nobody else: they are by address, and all tests have the same. */
describe('what is refused', () => {
  let own: Replica;
  let ownZone: TestZone;
  let ownIdp: Idp;
  beforeAll(async () => {
    own = await startReplica();
    ownZone = await createTestZone(own);
    ownIdp = await newIdp(ownZone);
  });
  afterAll(async () => {
    await own?.stop();
  });
  const at = (set: string, type?: string) => push(set, ownZone, own, type);

  test('says why, as RFC 8935 has it, and changes nothing', async () => {
    const stranger = await newIdp(ownZone, false);
    const impostor = await newIdp(ownZone);
    const good = await ownIdp.set('alice');
    const mandate = String((await ownZone.session()).body['access_token']);
    const refusals: [string, string, string?][] = [
      ['invalid_request', 'no token'],
      ['invalid_request', mandate],
      ['invalid_request', await ownIdp.set('alice', {}, { typ: 'JWT' })],
      ['invalid_request', await ownIdp.set('alice', {}, { typ: undefined })],
      ['invalid_request', await ownIdp.set('alice', { iat: 1 })],
      ['invalid_request', await ownIdp.set('alice', { jti: '' })],
      ['invalid_request', good, 'application/jwt'],
      ['invalid_audience', await ownIdp.set('alice', { aud: 'https://x.example' })],
      ['invalid_issuer', await stranger.set('alice')],
      // Signed by one trusted issuer in the name of another.
      ['invalid_key', await impostor.set('alice', { iss: ownIdp.issuer })],
      ['invalid_key', `${good.slice(0, -8)}AAAAAAAA`],
    ];
    for (const [err, set, type] of refusals) {
      const answer = await at(set, type);
      expect([answer.status, answer.body['err'], set.slice(0, 20)]).toEqual([
        400,
        err,
        set.slice(0, 20),
      ]);
      expect(answer.body['description']).toMatch(/./);
    }
    expect(
      await rows(own.databaseUrl, 'SELECT 1 FROM generations WHERE zone_id = $1', [ownZone.zoneId]),
    ).toEqual([]);
    expect(await rows(own.databaseUrl, 'SELECT 1 FROM ssf_received')).toEqual([]);
  });

  test('is a token of ours, which nobody can exchange either', async () => {
    const receiver = await newSignalReceiver(ownZone);
    const made = await receiver.call('POST', 'configuration_endpoint', {});
    const id = String(made.body['stream_id']);
    await receiver.call('POST', 'verification_endpoint', { stream_id: id });
    const polled = await receiver.poll(id);
    const [set = ''] = Object.values(polled.body['sets'] as Record<string, string>);
    await receiver.verify(set);
    const exchanged = await ownZone.exchange({
      subject_token: set,
      subject_token_type: ACCESS_TOKEN,
    });
    expect([exchanged.status, exchanged.body['error']]).toEqual([400, 'invalid_request']);
    const bearer = await receiver.call('GET', 'configuration_endpoint', undefined, { bearer: set });
    expect([bearer.status, bearer.body['error']]).toEqual([401, 'invalid_token']);
    expect((await at(set)).body['err']).toBe('invalid_issuer');
  });

  test('is rationed by address, and nothing is verified beyond that', async () => {
    const stranger = await newIdp(ownZone, false);
    const set = await stranger.set('alice');
    let last = await at(set);
    for (let n = 0; n < 40 && last.status === 400; n += 1) last = await at(set);
    expect([last.status, last.body['error']]).toEqual([429, 'slow_down']);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

test('a zone that is unknown receives nothing', async () => {
  const answer = await persistently(async () =>
    readAnswer(await fetch(`${a.url}/zones/${randomUUID()}/ssf/receive`, { method: 'POST' })),
  );
  expect(answer.status).toBe(404);
});
