import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { verifyReceipts } from '../../src/evidence/receipts/verify-receipts.js';
import { CborTag, decodeCbor, encodeCbor, type Cbor } from '../../src/transparency-log/cbor.js';
import { parseReceipt } from '../../src/transparency-log/cose-receipt.js';
import {
  noteSigner,
  parseVkey,
  type NoteKey,
  type NoteSigner,
} from '../../src/transparency-log/note-key.js';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { runCli } from '../setup/cli.js';
import { rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { basic } from '../setup/introspection.js';
import { OpenApiCheck, type OpenApiDocument } from '../setup/openapi-check.js';
import { fragmentOf, openPage } from '../setup/pages.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { revokeAs } from '../setup/revoke.js';
import { newService, type Service, type TestClient } from '../setup/services.js';
import { newTrustedIssuer } from '../setup/trusted-issuers.js';
import { withoutTriggers } from '../setup/without-triggers.js';
import {
  callAdmin,
  createTestZone,
  readAnswer,
  type Answer,
  type TestZone,
} from '../setup/zone.js';

interface ReceiptSet {
  readonly zone_id: string;
  readonly receipts: readonly {
    readonly event: string;
    readonly type: string;
    readonly receipt: string;
  }[];
  readonly pending: readonly string[];
}

let replica: Replica;
let zone: TestZone;
let orders: Service;
let stock: Service;
let vkey: string;
/** A mandate for two services that an operator confirmed, and that its client gave up. */
let token: string;
let jti: string;
let whole: ReceiptSet;
/** When to ask again, as those were told who asked before there was a checkpoint. */
const early: (string | null)[] = [];

beforeAll(async () => {
  replica = await startReplica({ env: { CHECKPOINT_SECONDS: '1' } });
  zone = await createTestZone(replica);
  orders = await newService(zone, 'resource://orders', ['a:write', 'shared']);
  stock = await newService(zone, 'resource://stock', ['a:write', 'shared']);
  const wanted = {
    resource: [orders.resource, stock.resource],
    scope: 'a:write shared',
  };
  const session = await zone.session(wanted);
  const subject_token = String(session.body['access_token']);
  await zone.activate(APPROVE_WRITES);
  const held = heldIn(await zone.exchange({ subject_token, ...wanted }));
  await zone.admin('POST', `/challenges/${held.id}/decision`, {
    decision: 'approved',
    reason: 'they asked nicely',
  });
  const issued = await zone.exchange({ subject_token, ...wanted, ...held.response });
  expect(issued.status).toBe(200);
  token = String(issued.body['access_token']);
  jti = String(decodeJwt(token).jti);
  expect((await revokeAs(zone, replica.url, { token })).status).toBe(200);
  whole = await until(async () => {
    const { status, body, headers } = await asClient(zone);
    if (status === 409) early.push(headers.get('retry-after'));
    const set = body as unknown as ReceiptSet;
    return status === 200 && set.receipts.length >= 3 && set;
  });
  const { body } = await callAdmin(replica, 'GET', '/audit/checkpoint-keys');
  vkey = String((body['items'] as { vkey: string }[])[0]?.vkey);
  keys.push(keyOf(vkey));
});

afterAll(async () => {
  await replica?.stop();
});

const asClient = (client: TestClient | null, id = jti, path = '/receipts') =>
  fetch(`${replica.url}${path}/${id}`, { headers: client === null ? {} : basic(client) }).then(
    readAnswer,
  );

const asBearer = (body: URLSearchParams | string, path = '/receipts') =>
  fetch(`${replica.url}${path}`, {
    method: 'POST',
    body,
    headers: typeof body === 'string' ? { 'content-type': 'application/json' } : {},
  }).then(readAnswer);

/** The keys of the installation: the one of the beginning, and the one that a test makes. */
const keys: NoteKey[] = [];
const verified = (set: unknown, known: readonly NoteKey[] = keys) =>
  verifyReceipts(JSON.stringify(set), { keys: known, kept: [] });
const said = (answer: Answer) => {
  expect(answer.status).toBe(200);
  const { statements, faults } = verified(answer.body);
  expect(faults).toEqual([]);
  return statements;
};

test('whoever asks before there is a checkpoint is told when to ask again', () => {
  expect(early).toEqual(early.map(() => '1'));
});

describe('the receipts of a mandate', () => {
  test('say to its client what was issued, on what, who confirmed it and that it was taken back', () => {
    const { statements, faults, pending } = verified(whole);
    expect([faults, pending]).toEqual([[], 0]);
    const [issued, confirmation, revocation] = statements;
    expect(confirmation).toMatchObject({
      type: 'confirmation',
      by: 'operator',
      decision: 'approved',
      settled: 'approved',
    });
    expect(issued).toMatchObject({
      type: 'issued',
      client_id: zone.clientId,
      challenge_id: confirmation?.['challenge_id'],
      mandate: { jti, target: [orders.resource, stock.resource] },
      policy: {
        decisions: [{ resource: orders.resource, decision: 'allow', policies: ['all'] }, {}],
      },
      subject_token: { sub: zone.clientId },
    });
    expect(revocation).toMatchObject({ type: 'revocation', jti, by: 'client' });
    const told = JSON.stringify(statements);
    for (const secret of ['they asked nicely', 'admin', 'input', 'diagnostics']) {
      expect(told).not.toContain(secret);
    }
    expect(whole.receipts.every(({ receipt }) => !atob(receipt).includes('previous_hash'))).toBe(
      true,
    );
  });

  test('say to the owner of a resource what is of that, and nothing of the other one', async () => {
    const [issued] = said(await asClient(stock));
    expect(issued).toMatchObject({
      partial: true,
      mandate: { target: [stock.resource] },
    });
    expect(JSON.stringify(issued)).not.toContain(orders.resource);
  });

  test('say to whoever has the mandate what they say to its client', async () => {
    const forms = [new URLSearchParams({ mandate: token }), JSON.stringify({ mandate: token })];
    for (const form of forms) {
      for (const path of ['/receipts', `/zones/${zone.zoneId}/receipts`]) {
        // oxlint-disable-next-line no-await-in-loop
        expect(said(await asBearer(form, path))).toMatchObject([
          { type: 'issued', mandate: { jti } },
          { type: 'confirmation' },
          { type: 'revocation' },
        ]);
      }
    }
  });

  test('are what the OpenAPI document says', async () => {
    const document = await (await fetch(`${replica.url}/docs-json`)).text();
    const check = new OpenApiCheck(JSON.parse(document) as OpenApiDocument);
    const form = new URLSearchParams({ mandate: token });
    for (const [path, init] of [
      [`/receipts/${jti}`, { headers: basic(zone) }],
      ['/receipts', { method: 'POST', body: form }],
      [`/zones/${zone.zoneId}/receipts`, { method: 'POST', body: form }],
    ] satisfies [string, RequestInit][]) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await fetch(`${replica.url}${path}`, init);
      const { status, headers } = answer;
      expect(status).toBe(200);
      const type = headers.get('content-type');
      const given = { method: init.method ?? 'GET', path, status, type };
      // oxlint-disable-next-line no-await-in-loop
      expect(check.problemsWith({ ...given, text: await answer.text() })).toEqual([]);
    }
  });

  test('are there for mandates that have expired, unless their key was withdrawn', async () => {
    const old = await createTestZone(replica);
    const fresh = String((await old.session()).body['access_token']);
    const read = () => asBearer(new URLSearchParams({ mandate: fresh }));
    await until(async () => ((await read()).status === 200 ? true : null));
    // The same key, no longer published: what a day makes of it.
    await rows(
      replica.databaseUrl,
      `UPDATE signing_keys SET published_at = now() - interval '9 d', activates_at = now() - interval '9 d',
              retires_at = now() - interval '8 d', expires_at = now() - interval '7 d' WHERE zone_id = $1`,
      [old.zoneId],
    );
    const { kid } = decodeProtectedHeader(fresh);
    const published = `${replica.url}/zones/${old.zoneId}/.well-known/jwks.json`;
    await until(async () => !(await (await fetch(published)).text()).includes(String(kid)));
    expect((await read()).status).toBe(200);
    await rows(
      replica.databaseUrl,
      'UPDATE signing_keys SET compromised_at = now() WHERE zone_id = $1',
      [old.zoneId],
    );
    await until(async () => ((await read()).status === 404 ? true : null));
  });

  test.each<[string, () => Promise<Answer>]>([
    ['of another client', () => zone.newClient().then((other) => asClient(other))],
    ['that never was', () => asClient(zone, randomUUID())],
    ['of no id', () => asClient(zone, 'nothing')],
    ['of an id with NUL', () => asClient(zone, '%00')],
    ['of another zone', async () => asClient(await createTestZone(replica))],
    ['that is none', () => asBearer(new URLSearchParams({ mandate: 'nothing' }))],
    ['whose signature is another', () => asBearer(new URLSearchParams({ mandate: forged() }))],
    [
      'at another zone',
      async () => {
        const other = await createTestZone(replica);
        const form = new URLSearchParams({ mandate: token });
        return asBearer(form, `/zones/${other.zoneId}/receipts`);
      },
    ],
  ])('%s are not there, in the same words', async (_, ask) => {
    const { status, body } = await ask();
    expect({ status, body }).toMatchObject({
      status: 404,
      body: { error: 'not_found', error_description: 'no such mandate' },
    });
  });

  test.each<[string, number, () => Promise<Answer>]>([
    ['without credentials', 401, () => asClient(null)],
    ['with a wrong secret', 401, () => asClient({ ...zone, secret: 'wrong' })],
    [
      'at the path of another zone',
      401,
      () => asClient(zone, jti, `/zones/${randomUUID()}/receipts`),
    ],
    ['without a mandate', 400, () => asBearer(new URLSearchParams())],
    ['with an empty mandate', 400, () => asBearer(new URLSearchParams({ mandate: '' }))],
    ['with two', 400, () => asBearer(new URLSearchParams(`mandate=${token}&mandate=${token}`))],
    ['with one that is a number', 400, () => asBearer('{"mandate":1}')],
    ['with too much', 413, () => asBearer(new URLSearchParams({ mandate: 'x'.repeat(70_000) }))],
  ])('asked for %s: %i', async (_, status, ask) => {
    expect((await ask()).status).toBe(status);
  });
});

test('nothing is signed for a database that somebody has changed', async () => {
  const of = await createTestZone(replica);
  const { body, requestId } = await of.session();
  const fresh = String(body['access_token']);
  const read = () => asBearer(new URLSearchParams({ mandate: fresh }));
  await until(async () => ((await read()).status === 200 ? true : null));
  const asSuperuser = (statement: string) =>
    withClient(replica.databaseUrl, async (db) => {
      await db.query('BEGIN');
      await withoutTriggers(db);
      const { rowCount } = await db.query(statement, [of.zoneId]);
      await db.query('COMMIT');
      expect(rowCount).toBeGreaterThan(0);
    });
  const events = `UPDATE audit_events SET`;
  const where = `WHERE zone_id = $1 AND outcome = 'issued'`;
  const text = (from: string, to: string) =>
    asSuperuser(`${events} event_text = replace(event_text, '${from}', '${to}') ${where}`);
  await text('"client_credentials"', '"client_credentialz"');
  expect(await read()).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  await text('"client_credentialz"', '"client_credentials"');
  expect((await read()).status).toBe(200);
  // A signature that is wrong is not one that is still to come.
  const notes = new Map<string, string>();
  const setNote = (size: string, note: string) =>
    withClient(replica.databaseUrl, async (db) => {
      await db.query('BEGIN');
      await withoutTriggers(db);
      await db.query('UPDATE checkpoints SET note = $2 WHERE size = $1', [size, note]);
      await db.query('COMMIT');
    });
  await until(async () => {
    const newest =
      'SELECT size::text AS size, note FROM checkpoints ORDER BY checkpoints.size DESC LIMIT 1';
    const [last] = await rows<{ size: string; note: string }>(replica.databaseUrl, newest);
    if (last === undefined) return null;
    if (!notes.has(last.size)) {
      notes.set(last.size, last.note);
      await setNote(last.size, `${last.note.slice(0, -20)}${'A'.repeat(18)}=\n`);
    }
    return (await read()).status === 503;
  });
  for (const [size, note] of notes) {
    // oxlint-disable-next-line no-await-in-loop
    await setNote(size, note);
  }
  await until(async () => (await read()).status === 200);
  // Hashes that fit are in no tree that was signed.
  await text('"client_credentials"', '"client_credentialz"');
  await asSuperuser(
    `${events} hash = sha256(previous_hash || convert_to(event_text, 'UTF8')) ${where}`,
  );
  expect((await read()).status).toBe(503);
  await asSuperuser('DELETE FROM evidence_tiles WHERE zone_id = $1');
  const path = `/zones/${of.zoneId}/audit/receipts/${requestId}`;
  expect((await callAdmin(replica, 'GET', path)).status).toBe(503);
});

test('a mandate that was taken back with others has a receipt of that, and of no other order', async () => {
  const of = await createTestZone(replica);
  const idp = await newTrustedIssuer(of);
  const order = (target: object) =>
    callAdmin(replica, 'POST', `/zones/${of.zoneId}/revocations`, { target, reason: 'a drill' });
  // One of before took nothing back of what was issued since.
  expect((await order({ client_id: of.clientId })).status).toBe(201);
  const ask = await idp.user('ada');
  const mandate = String((await persistently(() => ask())).body['access_token']);
  const { sid } = decodeJwt(mandate);
  const another = await order({
    session_id: decodeJwt(String((await of.session()).body['access_token'])).sid,
  });
  const subject = { sub: 'ada', iss: idp.issuer };
  for (const target of [{ session_id: sid }, { subject }, { client_id: of.clientId }]) {
    // oxlint-disable-next-line no-await-in-loop
    expect((await order(target)).status).toBe(201);
  }
  const body = new URLSearchParams({ mandate });
  const answer = await until(async () => {
    const read = await asBearer(body);
    const { receipts = [], pending = [] } = read.body as Partial<ReceiptSet>;
    return receipts.length >= 4 && pending.length === 0 ? read : null;
  });
  const [issued, ...revocations] = said(answer);
  expect(issued).toMatchObject({ type: 'issued', mandate: { sid } });
  expect(revocations).toMatchObject([
    { type: 'revocation', by: 'operator', target: { session_id: sid } },
    { type: 'revocation', by: 'operator', target: { subject } },
    { type: 'revocation', by: 'operator', target: { client_id: of.clientId } },
  ]);
  expect(JSON.stringify(revocations)).not.toContain('a drill');
  // That of another session does not go with it, whoever puts it there.
  const path = `/zones/${of.zoneId}/audit/receipts/${another.requestId}`;
  const foreign = await until(async () => {
    const read = await callAdmin(replica, 'GET', path);
    return read.status === 200 ? (read.body as unknown as ReceiptSet) : null;
  });
  const set = answer.body as unknown as ReceiptSet;
  const { faults } = verified({ ...set, receipts: [...set.receipts, ...foreign.receipts] });
  expect(faults).toEqual([expect.stringContaining('is of something else')]);
});

test('metadata says where they are', async () => {
  const { body } = await fetch(
    `${replica.url}/.well-known/oauth-authorization-server/zones/${zone.zoneId}`,
  ).then(readAnswer);
  expect(String(body['receipts_endpoint'])).toMatch(/\/receipts$/);
});

describe("an operator's change", () => {
  const receipts = (path: string) =>
    until(async () => {
      const answer = await callAdmin(replica, 'GET', path);
      return answer.status === 409 ? null : answer;
    });

  test('has a receipt by its request id or its event, with its text', async () => {
    const made = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}/clients`, { name: 'new' });
    const base = `/zones/${zone.zoneId}/audit/receipts`;
    const { body, status } = await receipts(`${base}/${made.requestId}`);
    expect(status).toBe(200);
    const { statements, faults } = verified(body);
    expect(faults).toEqual([]);
    expect(statements).toMatchObject([{ type: 'change', what: 'admin.client.created' }]);
    const [{ event, receipt } = { event: '', receipt: '' }] = (body as unknown as ReceiptSet)
      .receipts;
    expect(parseReceipt(Buffer.from(receipt, 'base64'))?.beside['text']).toContain('admin.client');
    expect((await receipts(`${base}/${event}`)).body).toMatchObject({ receipts: [{ event }] });
    for (const other of [randomUUID(), 'nothing']) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await receipts(`${base}/${other}`)).status).toBe(404);
    }
  });

  test('of no zone has one, too', async () => {
    const made = await callAdmin(replica, 'POST', '/audit/checkpoint-keys');
    expect(made.status).toBe(201);
    const { status, body } = await receipts(`/audit/receipts/${made.requestId}`);
    expect(status).toBe(200);
    keys.push(keyOf(made.body['vkey']));
    expect(verified(body)).toMatchObject({
      faults: [],
      statements: [{ what: 'admin.checkpoint_key.rotated' }],
    });
  });
});

describe('a person who has confirmed something', () => {
  test('gets a receipt of that on the page, by the link, and of nothing else', async () => {
    const of = await createTestZone(replica, APPROVE_WRITES.replace('"approval"', '"mfa"'));
    const request = { scope: 'a:write' };
    const [held, other] = [
      heldIn(await of.session(request)),
      heldIn(await of.session({ ...request, ttl_seconds: '77' })),
    ];
    const app = await of.admin('POST', '/authenticators', { subject: of.clientId, kind: 'totp' });
    const page = `/step-up/${held.id}/confirm`;
    const link = fragmentOf(held.confirmUri);
    // Nothing is decided, so there is nothing to have a receipt of.
    expect((await openPage(replica, page, { link, decision: 'receipt' })).status).toBe(409);
    const code = codeOf(String(app['secret']));
    const decided = await openPage(replica, page, { link, code, decision: 'approved' });
    expect(decided.status).toBe(200);
    expect(decided.text).toContain('value="receipt"');
    const tooEarly: (readonly [retryAfter: string | null, hasForm: boolean])[] = [];
    const got = await until(async () => {
      const sent = await openPage(replica, page, { link, decision: 'receipt' });
      if (sent.status !== 409) return sent;
      tooEarly.push([sent.headers.get('retry-after'), sent.text.includes('value="receipt"')]);
      return null;
    });
    expect(got.status).toBe(200);
    expect(tooEarly).toEqual(tooEarly.map(() => ['1', true]));
    expect(got.headers.get('content-disposition')).toContain(`receipt-${held.id}.json`);
    expect(verified(JSON.parse(got.text))).toMatchObject({
      faults: [],
      statements: [
        {
          type: 'confirmation',
          challenge_id: held.id,
          person: { sub: of.clientId },
          method: 'totp',
          decision: 'approved',
        },
      ],
    });
    for (const wrong of [fragmentOf(other.confirmUri), 'nothing', '']) {
      // oxlint-disable-next-line no-await-in-loop
      const { text } = await openPage(replica, page, { link: wrong, decision: 'receipt' });
      expect(text).toContain('<html');
    }
  });
});

describe('what was tampered with is found', () => {
  type Parts = { header: Map<Cbor, Cbor>; beside: Map<Cbor, Cbor>; rest: Cbor[] };

  /** Changes a part of the receipt that the mandate was issued. */
  function tampered(change: (parts: Parts) => void): ReceiptSet {
    const receipts = whole.receipts.map((one) => {
      if (one.type !== 'issued') return one;
      const sign1 = decodeCbor(Buffer.from(one.receipt, 'base64')) as CborTag;
      const [header, beside, ...rest] = sign1.value as [Uint8Array, Map<Cbor, Cbor>, Cbor, Cbor];
      const parts = { header: decodeCbor(header) as Map<Cbor, Cbor>, beside, rest };
      change(parts);
      const made = [encodeCbor(parts.header as never), parts.beside as never, ...parts.rest];
      return { ...one, receipt: encodeCbor(new CborTag(18, made)).toString('base64') };
    });
    return { ...whole, receipts };
  }

  const stated = (change: (text: string) => string) =>
    tampered(({ header }) => header.set('mandate', change(String(header.get('mandate')))));
  const besides = (name: string, change: (text: string) => string) =>
    tampered(({ beside }) => beside.set(name, change(String(beside.get(name)))));
  const flipped = (bytes: Cbor | undefined) => {
    const copy = Buffer.from(bytes as Uint8Array);
    copy[0] = (copy[0] ?? 0) ^ 1;
    return copy;
  };
  const first = (set: ReceiptSet, change: object): ReceiptSet => ({
    ...set,
    receipts: set.receipts.map((one, n) => (n === 0 ? { ...one, ...change } : one)),
  });

  test('and what was only taken apart and put together is right', () => {
    expect(verified(tampered(() => {})).faults).toEqual([]);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'who it is of',
      () => stated((text) => text.replace(zone.clientId, randomUUID())),
      /none of the keys/,
    ],
    ['when', () => stated((text) => text.replace('"at":"20', '"at":"19')), /none of the keys/],
    [
      'by which policy',
      () => stated((text) => text.replace('["all"]', '["any"]')),
      /none of the keys/,
    ],
    [
      'which event',
      () => stated((text) => text.replace('"event":"0', '"event":"1')),
      /another event/,
    ],
    [
      'the hash',
      () =>
        stated((text) =>
          text.replace(/"hash":"(.)/, (__, digit) => `"hash":"${digit === '0' ? '1' : '0'}`),
        ),
      /not in the checkpoint|none of the keys/,
    ],
    ['a member twice', () => stated((text) => text.replace('{', '{"at":"x",')), /not JSON/],
    [
      'the name of the key',
      () => tampered(({ header }) => header.set(4, flipped(header.get(4)))),
      /none of the keys/,
    ],
    ['the algorithm', () => tampered(({ header }) => header.set(1, -7)), /no COSE receipt/],
    ['another header', () => tampered(({ header }) => header.set(99, 1)), /no COSE receipt/],
    [
      'the signature',
      () => tampered(({ rest }) => (rest[1] = flipped(rest[1]))),
      /none of the keys/,
    ],
    ['a payload', () => tampered(({ rest }) => (rest[0] = Buffer.alloc(32))), /no COSE receipt/],
    [
      'the place in the tree',
      () =>
        tampered(({ beside }) => {
          const proofs = beside.get(396) as Map<Cbor, Cbor>;
          const [bytes] = proofs.get(-1) as Uint8Array[];
          const [size, index, path] = decodeCbor(bytes ?? Buffer.alloc(0)) as [
            number,
            number,
            Cbor,
          ];
          proofs.set(-1, [encodeCbor([size, (index + 1) % size, path])]);
        }),
      /not in the checkpoint/,
    ],
    [
      'the root',
      () => besides('checkpoint', (text) => text.replace(/\n[A-Z]/i, '\n9')),
      /checkpoint/,
    ],
    [
      'the time of sealing',
      () => besides('checkpoint', (text) => text.replace('time 2', 'time 1')),
      /not in the signed one/,
    ],
    [
      'the zone of the checkpoint',
      () => besides('checkpoint', (text) => text.replace('/zones/', '/zone/')),
      /another zone/,
    ],
    [
      'the note',
      () => besides('tlog-proof', (text) => text.replace(/\n\n(.*)\n/, '\n\n$1\n9')),
      /does not count/,
    ],
    [
      'the proof of the checkpoint',
      () => besides('tlog-proof', (text) => text.replace('index ', 'index 1')),
      /not in the signed one|no proof/,
    ],
    ['no proof', () => tampered(({ beside }) => beside.delete('tlog-proof')), /no proof/],
    ['a text', () => tampered(({ beside }) => beside.set('text', '{}')), /half of the text/],
    [
      'a text that was not hashed',
      () => tampered(({ beside }) => beside.set('text', '{}').set('previous_hash', '0'.repeat(64))),
      /not what was hashed/,
    ],
    ['the event beside it', () => first(whole, { event: randomUUID() }), /another event/],
    ['the type beside it', () => first(whole, { type: 'revocation' }), /another type/],
    ['the zone', () => ({ ...whole, zone_id: randomUUID() }), /another zone/],
    [
      'one of them twice',
      () => ({ ...whole, receipts: [...whole.receipts, ...whole.receipts] }),
      /two receipts/,
    ],
    ['none of them', () => ({ ...whole, receipts: [] }), /has not 1 to/],
    ['something else', () => [], /not JSON of receipts/],
  ])('%s', (_, make, expected) => {
    const { faults } = verified(make());
    expect(faults.join('\n')).toMatch(expected);
  });

  test('a receipt that somebody else has signed, and one of another mandate', async () => {
    const stranger: NoteSigner = noteSigner(keys[0]?.name ?? '', Buffer.alloc(32, 7));
    expect(verified(whole, [stranger.key]).faults).toHaveLength(3);
    const other = String((await zone.session()).body['access_token']);
    const set = await until(async () => {
      const { status, body } = await asBearer(new URLSearchParams({ mandate: other }));
      return status === 409 ? null : (body as unknown as ReceiptSet);
    });
    const mixed = { ...set, receipts: [...set.receipts, ...whole.receipts.slice(0, 1)] };
    expect(verified(mixed).faults).toEqual([expect.stringMatching(/something else/)]);
  });
});

describe('mandate receipt verify', () => {
  async function files(): Promise<(name: string, text: string) => Promise<string>> {
    const folder = await mkdtemp(join(tmpdir(), 'receipts-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return async (name, text) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    };
  }

  test('says what happened, and what is not the same', async () => {
    const file = await files();
    const receipt = await file('receipt.json', JSON.stringify(whole));
    const good = await file('mandate.jwt', `${token}\n`);
    const other = await file('other.jwt', String((await zone.session()).body['access_token']));
    const jwks = await file(
      'jwks.json',
      await (await fetch(`${replica.url}/zones/${zone.zoneId}/.well-known/jwks.json`)).text(),
    );
    const issued = parseReceipt(Buffer.from(whole.receipts[0]?.receipt ?? '', 'base64'));
    const kept = await file('kept.txt', issued?.beside['checkpoint'] ?? '');
    const run = (...args: string[]) =>
      runCli(['receipt', 'verify', '--receipt', receipt, '--key', vkey, ...args], {});

    const right = await run('--token', good, '--jwks', jwks, '--checkpoint', kept);
    expect(right, right.stdout).toMatchObject({ code: 0, stderr: '' });
    for (const words of [
      `mandate ${jti} was issued at 20`,
      `to client ${zone.clientId}`,
      'by all, version',
      `on the authority of token`,
      'an operator approved it by operator at',
      `taken back at`,
      'nothing is wrong',
    ]) {
      expect(right.stdout).toContain(words);
    }
    const wrong = await run('--token', other);
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stdout).toContain('wrong: the mandate and its receipt differ in jti');
    const forgedToken = await file('forged.jwt', forged());
    const unsigned = await run('--token', forgedToken, '--jwks', jwks);
    expect(unsigned).toMatchObject({ code: 1 });
    expect(unsigned.stdout).toContain('the signature of the mandate is wrong');
    const lines = (issued?.beside['checkpoint'] ?? '').split('\n');
    const rewritten = [lines[0], lines[1], Buffer.alloc(32).toString('base64'), lines[3], ''];
    const before = await file('before.txt', rewritten.join('\n'));
    expect((await run('--checkpoint', before)).stdout).toContain('the log is not what it was');
    expect(await run('--checkpoint', `${before}.none`)).toMatchObject({ code: 3 });
  });
});

function keyOf(text: unknown): NoteKey {
  const key = parseVkey(String(text));
  if (key === null) throw new Error('no public key of a log');
  return key;
}

/** The mandate with a signature that nobody has made. */
function forged(): string {
  const [header, claims, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  return [header, claims, bytes.toString('base64url')].join('.');
}
