import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompactEncrypt, decodeJwt, importJWK } from 'jose';
import { afterAll, beforeAll, expect, test as everywhere } from 'vitest';
import { MOVED } from '../../src/admin/zone-moves/moved-tables.js';
import { ofManifest, signMove } from '../../src/admin/zone-moves/move-notes.js';
import { parseReceivingKey } from '../../src/admin/zone-moves/receiving-key.js';
import { SealedParts } from '../../src/admin/zone-moves/sealed-parts.js';
import { formatHead } from '../../src/admin/zone-moves/zone-file.js';
import { NO_ZONE } from '../../src/ledger/entry.js';
import { SEALED_COLUMNS } from '../../src/sealing/sealed-columns.js';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { APPROVE_WRITES, heldIn, settle, type Held } from '../setup/challenges.js';
import { DISTRIBUTED } from '../setup/citus.js';
import { jsonOf, type Run } from '../setup/cli.js';
import { rows, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { whileOpen, type Statement } from '../setup/locks.js';
import { until } from '../setup/process.js';
import { newProofSystem, reportProof } from '../setup/proof-systems.js';
import { revokeAs } from '../setup/revoke.js';
import { noteSigner } from '../../src/transparency-log/note-key.js';
import { signNote } from '../../src/transparency-log/signed-note.js';
import {
  keyOf,
  newFile,
  startInstallation,
  type Installation,
} from '../setup/two-installations.js';
import { foreignForger, newKey } from '../setup/tokens/foreign-tokens.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  postForm,
  readAnswer,
  TOKEN_EXCHANGE,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

let a: Installation;
let b: Installation;
let zone: TestZone;
const issuer = `http://zone-${randomUUID()}.localhost`;

/** Zones are neither sent from a distributed database nor received in one. */
const test = everywhere.skipIf(DISTRIBUTED);

beforeAll(async () => {
  [a, b] = await Promise.all([startInstallation('a'), startInstallation('b')]);
  zone = await createTestZone(a.replica);
});
afterAll(async () => {
  await Promise.all([a?.replica.stop(), b?.replica.stop()]);
});

const session = (at: Replica, parameters: Parameters = {}) => zone.sessionAt(at, parameters);

const exchange = (at: Replica, subject: string, parameters: Parameters = {}, of = zone) =>
  postForm(at.url, {
    grant_type: TOKEN_EXCHANGE,
    client_id: of.clientId,
    client_secret: of.secret,
    subject_token: subject,
    subject_token_type: ACCESS_TOKEN,
    resource: of.resource,
    scope: 'a:read',
    ...parameters,
  });

const keySet = async (at: Replica) =>
  readAnswer(
    await fetch(`${at.url}/zones/${zone.zoneId}/.well-known/jwks.json`, { redirect: 'manual' }),
  );

const isActive = async (at: Replica, token: string) =>
  (await introspect(at.url, token, zone)).body['active'];

const events = (at: Installation, type: string) =>
  rows<{ zone_id: string; event: Record<string, unknown> }>(
    at.replica.databaseUrl,
    'SELECT zone_id, audit_event(x) AS event FROM audit_events x WHERE type = $1',
    [type],
  );

/** What jobs of either installation go on with. */
const AT_WORK = [
  'revocation_notices',
  'revocation_feed',
  'ssf_outbox',
  'ssf_deliveries',
  'removals',
];
/** What is another value in each installation. */
const OWN = [...SEALED_COLUMNS.map(({ column }) => column), 'settings_version', 'away'];

/** The tables of which the two installations have not the same rows, but for what each has of its own. */
async function differences(): Promise<string[]> {
  const different: string[] = [];
  for (const { name } of [{ name: 'zones' }, ...MOVED]) {
    if (AT_WORK.includes(name)) continue;
    const own = ['zones', 'clients'].includes(name) ? [...OWN, 'version'] : OWN;
    const [here, there] = await Promise.all(
      [a, b].map((at) =>
        rows<{ row: string }>(
          at.replica.databaseUrl,
          `SELECT (to_jsonb(t) - $2::text[])::text AS row FROM ${name} t
            WHERE ${name === 'zones' ? 'id' : 'zone_id'} = $1 ORDER BY 1`,
          [zone.zoneId, own],
        ),
      ),
    );
    if (JSON.stringify(here) !== JSON.stringify(there)) different.push(name);
  }
  return different;
}

test('a zone moves with all that it has, and is served by one installation at a time', async () => {
  // What is issued, taken back, spent and held before.
  await zone.admin('PATCH', '', { issuer_mode: 'own', issuer_url: issuer });
  const writer = tokenOf(await session(a.replica, { scope: 'a:read a:write' }));
  await zone.activate(APPROVE_WRITES);
  const held: Held = heldIn(await exchange(a.replica, writer, { scope: 'a:write' }));
  await settle(zone, held.id);
  const alive = tokenOf(await session(a.replica));
  const mandate = tokenOf(await exchange(a.replica, alive));
  const gone = tokenOf(await exchange(a.replica, alive));
  expect((await revokeAs(zone, a.replica.url, { token: gone })).status).toBe(200);
  const [own, other] = [await newKey('ES256', 'one'), await newKey('ES256', 'two')];
  const { clientId } = await zone.newClient({ jwks: { keys: [own.publicJwk] } });
  const assert = async (jti: string, at: Replica) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: clientId, sub: clientId, aud: issuer, iat: now, exp: now + 600, jti };
    const forger = foreignForger('ES256', own, other, () => claims);
    return postForm(at.url, {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_assertion: await forger.sign(),
      client_assertion_type: JWT_BEARER,
      resource: zone.resource,
      scope: 'a:read',
    });
  };
  const spent = randomUUID();
  expect((await assert(spent, a.replica)).status).toBe(200);
  const hook = { name: 'hook', url: 'https://hook.example/x', events: ['challenge.created'] };
  await zone.admin('POST', '/webhooks', hook);
  const system = await newProofSystem(zone);
  const agents = await applicationOf(zone);
  const [source, target] = [await agents.open(), await agents.open()];
  const edge = await agents.delegate(source, target, { scopes: ['shared'] });
  const agent = await agents.bearer();
  const keysBefore = (await keySet(a.replica)).body;

  // Sent: nobody is served, but for what verifiers read.
  const file = newFile();
  const sent = await a.cli(
    'zones',
    'send',
    zone.zoneId,
    '--to',
    await keyOf(b),
    '-o',
    file,
    '--json',
  );
  expect(sent.stderr).toBe('');
  expect(sent.code).toBe(0);
  const { vkey } = jsonOf(sent);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const bytes = readFileSync(file);
  for (const secret of [zone.secret, zone.clientId, issuer])
    expect(bytes.includes(secret)).toBe(false);
  const refused = await session(a.replica);
  expect([refused.status, refused.body['error'], refused.headers.get('retry-after')]).toEqual([
    503,
    'temporarily_unavailable',
    '5',
  ]);
  expect((await keySet(a.replica)).body).toEqual(keysBefore);
  const change = await callAdmin(a.replica, 'PATCH', `/zones/${zone.zoneId}`, { description: 'x' });
  expect([change.status, change.body['error']]).toEqual([409, 'conflict']);

  // Received: whole, and not served.
  const receipt = newFile();
  const received = await b.cli(
    'zones',
    'receive',
    file,
    '--from',
    String(vkey),
    '-o',
    receipt,
    '--json',
  );
  expect(received.stderr).toBe('');
  expect(received.code).toBe(0);
  expect((await session(b.replica)).status).toBe(503);
  const shown = await callAdmin(b.replica, 'GET', `/zones/${zone.zoneId}`);
  expect(shown.body['move']).toMatchObject({ state: 'arriving', peer: a.issuerUrl });

  expect(await differences()).toEqual([]);

  // Ended there for good, and only then served here.
  const release = newFile();
  expect(await b.cli('zones', 'receive', '--release', receipt)).toMatchObject({ code: 6 });
  const ended = await a.cli('zones', 'send', zone.zoneId, '--done', receipt, '-o', release);
  expect(ended.stderr).toBe('');
  expect(await a.cli('zones', 'send', zone.zoneId, '--cancel')).toMatchObject({ code: 6 });
  const began = await b.cli('zones', 'receive', '--release', release);
  expect(began.stderr).toBe('');
  await until(async () => (await session(b.replica)).status === 200);

  // What was before is so still.
  const after = tokenOf(await session(b.replica));
  expect(decodeJwt(after).iss).toBe(issuer);
  expect((await keySet(b.replica)).body).toEqual(keysBefore);
  expect(await isActive(b.replica, mandate)).toBe(true);
  expect(await isActive(b.replica, gone)).toBe(false);
  expect((await exchange(b.replica, alive)).status).toBe(200);
  expect((await exchange(b.replica, mandate)).body['error']).toBe('invalid_request');
  const replayed = await assert(spent, b.replica);
  expect([replayed.status, replayed.body['error']]).toEqual([401, 'invalid_client']);
  expect((await assert(randomUUID(), b.replica)).status).toBe(200);
  const redeemed = await exchange(b.replica, writer, { scope: 'a:write', ...held.response });
  expect([redeemed.status, redeemed.body]).toMatchObject([200, { scope: 'a:write' }]);
  expect((await exchange(b.replica, writer, { scope: 'a:write', ...held.response })).status).toBe(
    400,
  );

  const delegated = await exchange(b.replica, agent, {
    client_id: agents.clientId,
    client_secret: agents.secret,
    agent_session_id: target,
    delegation_edge_id: edge,
    scope: 'shared',
  });
  expect([delegated.status, delegated.body['scope']]).toEqual([200, 'shared']);
  const again = heldIn(await exchange(b.replica, writer, { scope: 'a:write' }));
  const proven = await reportProof(zone, system, again.id, { url: b.replica.url });
  expect([404, 409]).not.toContain(proven.status);

  // The old one says where it is, for good.
  const asked = await session(a.replica);
  expect([asked.status, asked.body['error_description']]).toEqual([
    503,
    `the zone has moved to ${b.issuerUrl}`,
  ]);
  const led = await keySet(a.replica);
  expect([led.status, led.headers.get('location')]).toEqual([
    308,
    `${b.issuerUrl}/zones/${zone.zoneId}/.well-known/jwks.json`,
  ]);
  const lists = await fetch(`${a.replica.url}/zones/${zone.zoneId}/status`, { redirect: 'manual' });
  expect([lists.status, lists.headers.get('location')]).toEqual([
    308,
    `${b.issuerUrl}/zones/${zone.zoneId}/status`,
  ]);
  const view = await callAdmin(a.replica, 'GET', `/zones/${zone.zoneId}`);
  expect(view.body['move']).toMatchObject({ state: 'moved', peer: b.issuerUrl });
  const deleted = await callAdmin(a.replica, 'DELETE', `/zones/${zone.zoneId}`, undefined, {
    'if-match': String(view.headers.get('etag')),
  });
  expect(deleted.status).toBe(409);

  // The evidence of both is whole.
  for (const at of [a, b]) {
    const verified = await at.cli('audit', 'verify', '--json');
    expect([verified.code, jsonOf(verified)['faults']]).toEqual([0, 0]);
  }
  expect((await events(a, 'admin.zone.sending'))[0]?.event).toMatchObject({ to: b.issuerUrl });
  expect((await events(b, 'admin.zone.sending')).length).toBe(1);
  expect((await events(a, 'admin.zone.moved'))[0]).toMatchObject({
    event: { zone: { id: zone.zoneId }, to: b.issuerUrl },
  });
  expect((await events(b, 'admin.zone.received'))[0]).toMatchObject({
    zone_id: zone.zoneId,
    event: { from: a.issuerUrl },
  });
  expect((await a.cli('keys', 'verify')).code).toBe(0);
  expect((await b.cli('keys', 'verify')).code).toBe(0);
  expect((await a.cli('keys', 'rewrap', '--all')).code).toBe(0);
});

/** A zone of its own host, so that its issuer can be anybody's. */
async function newZone(): Promise<TestZone> {
  const made = await createTestZone(a.replica);
  await made.admin('PATCH', '', {
    issuer_mode: 'own',
    issuer_url: `http://zone-${randomUUID()}.localhost`,
  });
  return made;
}

/** Whether a zone is served: 503 is said of one that is not, so it is not tried again. */
const statusAt = async (of: TestZone, at: Installation) => (await of.sessionAt(at.replica)).status;

const said = ({ code, stderr }: Run) => [code, stderr.split('\n')[0]];

/** Sends a zone. */
async function send(of: TestZone, key?: string) {
  const file = newFile();
  const run = await a.cli(
    'zones',
    'send',
    of.zoneId,
    '--to',
    key ?? (await keyOf(b)),
    '-o',
    file,
    '--json',
  );
  expect(run.stderr).toBe('');
  return { file, vkey: String(jsonOf(run)['vkey']) };
}

const receive = (file: string, vkey: string, output = newFile()) =>
  b.cli('zones', 'receive', file, '--from', vkey, '-o', output);

/** A file that is sealed for a key by somebody who has no more than that. */
async function forgedFor(text: string, members: object): Promise<Buffer> {
  const key = parseReceivingKey(text);
  if (key === null) throw new Error('no key');
  const contentKey = randomBytes(32);
  const jwe = await new CompactEncrypt(contentKey)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
    .encrypt(await importJWK(key.jwk, 'ECDH-ES'));
  const manifest = {
    key: key.id,
    name: 'forged',
    move: randomUUID(),
    from: a.issuerUrl,
    schema: key.schema,
    days: { audit_events: ['20010203'] },
    policies: { active: null, shadow: null },
    counters: {},
    ...members,
  };
  const signer = noteSigner('sts-a.localhost:8080/audit', randomBytes(32));
  const first = JSON.stringify(manifest);
  const { zoneId = '' }: { zoneId?: string } = members;
  const note = signMove('sending', ofManifest({ zoneId, move: manifest.move }, first), signer);
  const written: Buffer[] = [];
  const parts = new SealedParts(
    formatHead({ key: key.id, jwe }),
    contentKey,
    async (bytes) => void written.push(bytes),
  );
  await parts.begin();
  for (const line of [first, JSON.stringify({ signed: note })]) await parts.add(line);
  await parts.end();
  return Buffer.concat(written);
}

test('what cannot be sent is refused before anything is stopped', async () => {
  const below = await createTestZone(a.replica);
  const key = await keyOf(b);
  const to = (given: string, of = below) =>
    a.cli('zones', 'send', of.zoneId, '--to', given, '-o', newFile());
  expect(said(await to(key))).toEqual([
    6,
    expect.stringContaining('could not go on under the issuer'),
  ]);
  expect(said(await to(await keyOf(a)))).toEqual([6, 'the key is of this installation']);
  const changed = (members: object) => {
    const text = Buffer.from(key.slice(key.indexOf('.') + 1), 'base64url').toString();
    const given: object = Object(JSON.parse(text));
    const json = JSON.stringify({ ...given, ...members });
    return `mandate-zone-key-1.${Buffer.from(json).toString('base64url')}`;
  };
  const own = await newZone();
  expect(said(await to(changed({ schema: 'Other1' }), own))[1]).toContain('of different versions');
  const nowhere = await a.cli(
    'zones',
    'send',
    own.zoneId,
    '--to',
    key,
    '-o',
    join(newFile(), 'shop.zone'),
  );
  expect(said(nowhere)).toEqual([2, expect.stringContaining('cannot be written')]);
  const noKey = changed({ jwk: { kty: 'OKP', crv: 'X25519', x: 'AA' } });
  expect((await to(noKey, own)).code).not.toBe(0);
  expect([await statusAt(below, a), await statusAt(own, a)]).toEqual([200, 200]);
});

test('a file that is not whole, not for it or not signed by the sender leaves nothing', async () => {
  const of = await newZone();
  const key = await keyOf(b);
  const { file, vkey } = await send(of, key);
  const bytes = readFileSync(file);
  const altered = (change: (copy: Buffer) => Buffer) => {
    const path = newFile();
    writeFileSync(path, change(Buffer.from(bytes)));
    return path;
  };
  const flipped = (at: number) =>
    altered((copy) => {
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    });
  const body = bytes.indexOf('\n') + 1;
  // All else that can be wrong with a file is in sealed-parts.spec.ts.
  const broken = [altered((copy) => copy.subarray(0, -1)), flipped(body - 30)];
  for (const path of broken) {
    const run = await receive(path, vkey);
    expect([path, run.code, run.stderr.length > 10]).toEqual([path, 7, true]);
  }
  const other = Object(
    JSON.parse(Buffer.from(key.slice(key.indexOf('.') + 1), 'base64url').toString()),
  ) as { vkey: string };
  expect(said(await receive(file, other.vkey))[1]).toContain('none of the keys has signed it');
  // Whoever has KEY can seal a file for it, with a checkpoint that anybody can read: no day of it is made.
  const [checkpoint] = await rows<{ body: string; note: string }>(
    a.replica.databaseUrl,
    `SELECT z.body, (SELECT c.note FROM checkpoints c WHERE c.size > z.leaf ORDER BY c.size LIMIT 1) AS note
       FROM zone_checkpoints z WHERE z.zone_id = $1 ORDER BY z.size DESC LIMIT 1`,
    [of.zoneId],
  );
  const forged = newFile();
  writeFileSync(forged, await forgedFor(key, { zoneId: of.zoneId, checkpoint }));
  expect(said(await receive(forged, vkey))).toEqual([
    7,
    expect.stringContaining('none of the keys has signed it'),
  ]);
  const made = await rows(
    b.replica.databaseUrl,
    `SELECT to_regclass('audit_events_20010203') AS day`,
  );
  expect(made).toEqual([{ day: null }]);
  // It goes to nobody else: the installation that has sent it has not the key.
  expect(said(await a.cli('zones', 'receive', file, '--from', vkey, '-o', newFile()))[1]).toContain(
    'not sealed for a key of this installation',
  );
  const there = await rows(b.replica.databaseUrl, 'SELECT 1 FROM zones WHERE id = $1', [of.zoneId]);
  const left = await rows(b.replica.databaseUrl, 'SELECT 1 FROM audit_events WHERE zone_id = $1', [
    of.zoneId,
  ]);
  expect([there.length, left.length]).toEqual([0, 0]);
});

test('what is there already is not written over, and a file is received once', async () => {
  const of = await newZone();
  const { file, vkey } = await send(of);
  const [{ id, name } = { id: '', name: '' }] = await rows<{ id: string; name: string }>(
    a.replica.databaseUrl,
    'SELECT id, name FROM zones WHERE id = $1',
    [of.zoneId],
  );
  const namesake = await callAdmin(b.replica, 'POST', '/zones', { name });
  expect(said(await receive(file, vkey))).toEqual([
    6,
    `another zone is called ${name}: rename it first`,
  ]);
  const path = `/zones/${String(namesake.body['id'])}`;
  const issuerUrl = (await callAdmin(a.replica, 'GET', `/zones/${id}`)).body['issuer_url'];
  const ownIssuer = { name: randomUUID(), issuer_mode: 'own', issuer_url: issuerUrl };
  expect((await callAdmin(b.replica, 'PATCH', path, ownIssuer)).status).toBe(200);
  expect(said(await receive(file, vkey))[1]).toContain('another zone has its issuer');
  expect((await callAdmin(b.replica, 'PATCH', path, { issuer_mode: 'zone' })).status).toBe(200);
  const setPrevious = (issuerBefore: string | null) =>
    rows(
      b.replica.databaseUrl,
      `UPDATE zones SET previous_issuer = $2::text,
          previous_issuer_until = CASE WHEN $2::text IS NOT NULL THEN now() + interval '1 hour' END WHERE id = $1`,
      [namesake.body['id'], issuerBefore],
    );
  await setPrevious(`${a.issuerUrl}/zones/${of.zoneId}`);
  expect(said(await receive(file, vkey))[1]).toContain('the issuer that it had before');
  await setPrevious(null);
  await rows(
    b.replica.databaseUrl,
    `INSERT INTO clients (zone_id, id, name, auth_methods) VALUES ($1, $2, 'same', '{client_secret_post}')`,
    [namesake.body['id'], of.clientId],
  );
  expect(said(await receive(file, vkey))).toEqual([6, `another zone has a client ${of.clientId}`]);
  await rows(b.replica.databaseUrl, 'DELETE FROM clients WHERE id = $1', [of.clientId]);

  // A key is good for one zone, and a file for one time.
  expect((await receive(file, vkey)).code).toBe(0);
  expect(said(await receive(file, vkey))[1]).toContain('or that was used');
  const again = newFile();
  expect((await b.cli('zones', 'receive', '--receipt', of.zoneId, '-o', again)).code).toBe(0);
  expect(readFileSync(again, 'utf8')).toContain(of.zoneId);
});

test('a move that is given up cannot be ended, and what was received of it never be served', async () => {
  const of = await newZone();
  const first = await send(of);
  const receipt = newFile();
  expect((await receive(first.file, first.vkey, receipt)).code).toBe(0);
  expect((await a.cli('zones', 'send', of.zoneId, '--cancel')).code).toBe(0);
  await until(async () => (await statusAt(of, a)) === 200);
  const done = () => a.cli('zones', 'send', of.zoneId, '--done', receipt, '-o', newFile());
  expect(said(await done())).toEqual([6, 'the zone is not being sent']);
  const since = tokenOf(await of.session());

  // Sent once more, what was received is replaced, and the receipt of the first file is none of this one.
  await send(of);
  const second = await send(of);
  // Also what is sent of a zone that is stopped already is on record, where something can be added.
  const sending = (await events(a, 'admin.zone.sending')).filter(
    ({ event }) => Object(event['zone']).id === of.zoneId,
  );
  expect(sending.map((one) => one.zone_id).toSorted()).toEqual(
    [NO_ZONE, of.zoneId, of.zoneId].toSorted(),
  );
  expect(said(await done())[1]).toContain('the receipt does not count');
  const newReceipt = newFile();
  const run = await receive(second.file, second.vkey, newReceipt);
  expect(run.stderr).toBe('');
  const release = newFile();
  const end = (output: string) =>
    a.cli('zones', 'send', of.zoneId, '--done', newReceipt, '-o', output);
  expect((await end(release)).code).toBe(0);
  // A crash before the release was written loses nothing.
  const sameRelease = newFile();
  expect((await end(sameRelease)).code).toBe(0);
  expect((await b.cli('zones', 'receive', '--release', sameRelease)).code).toBe(0);
  expect(said(await b.cli('zones', 'receive', '--release', release))).toEqual([
    6,
    'the zone is served here already',
  ]);
  await until(async () => (await statusAt(of, b)) === 200);
  expect((await introspect(b.replica.url, since, of)).body['active']).toBe(true);
  const verified = await b.cli('audit', 'verify', '--json');
  expect([verified.code, verified.stdout.includes('"faults":0')]).toEqual([0, true]);
});

test('a zone does not come back under its id', async () => {
  const of = zone;
  const key = await keyOf(a);
  const back = newFile();
  const sent = await b.cli('zones', 'send', of.zoneId, '--to', key, '-o', back, '--json');
  const returned = await a.cli(
    'zones',
    'receive',
    back,
    '--from',
    String(jsonOf(sent)['vkey']),
    '-o',
    newFile(),
  );
  expect(said(returned)[1]).toContain(`the zone has moved to ${b.issuerUrl}`);
  expect((await b.cli('zones', 'send', of.zoneId, '--cancel')).code).toBe(0);
});

/** Kills a command when it waits for what is locked, and lets that go then. */
async function killedAt(at: Installation, lock: Statement, args: readonly string[]): Promise<void> {
  await whileOpen(at.replica.databaseUrl, lock, async () => {
    const { child, ended } = at.start(...args);
    await until(async () => {
      const waiting = await rows(
        at.replica.databaseUrl,
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'mandate zone move' AND wait_event_type = 'Lock'
            AND datname = current_database()`,
      );
      return waiting.length > 0;
    });
    child.kill('SIGKILL');
    await ended;
  });
  // What the database does for a process that is gone ends as well.
  await until(async () => {
    const left = await rows(
      at.replica.databaseUrl,
      `SELECT 1 FROM pg_stat_activity WHERE application_name = 'mandate zone move' AND datname = current_database()`,
    );
    return left.length === 0;
  });
}

const whole = (table: string): Statement => [`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`, []];

test('killed at any step, a move goes on where it was, and loses nothing', async () => {
  const of = await newZone();
  const before = tokenOf(await of.session());
  const key = await keyOf(b);
  const file = newFile();
  const sending = ['zones', 'send', of.zoneId, '--to', key, '-o', file];
  await killedAt(a, whole('zone_logos'), sending);
  expect(existsSync(file)).toBe(false);
  await until(async () => (await statusAt(of, a)) === 503);
  const sent = await a.cli(...sending, '--json');
  expect(sent.stderr).toBe('');
  const vkey = String(jsonOf(sent)['vkey']);

  const receipt = newFile();
  const receiving = ['zones', 'receive', file, '--from', vkey, '-o', receipt];
  await killedAt(b, whole('zone_logos'), receiving);
  expect((await callAdmin(b.replica, 'GET', `/zones/${of.zoneId}`)).status).toBe(404);
  expect(existsSync(receipt)).toBe(false);
  const received = await b.cli(...receiving);
  expect(received.stderr).toBe('');

  const release = newFile();
  const ending = ['zones', 'send', of.zoneId, '--done', receipt, '-o', release];
  await killedAt(a, whole('proof_systems'), ending);
  expect((await callAdmin(a.replica, 'GET', `/zones/${of.zoneId}`)).body['move']).toMatchObject({
    state: 'sending',
  });
  expect((await a.cli(...ending)).code).toBe(0);
  const row: Statement = ['SELECT FROM zones WHERE id = $1 FOR UPDATE', [of.zoneId]];
  await killedAt(b, row, ['zones', 'receive', '--release', release]);
  expect(await statusAt(of, b)).toBe(503);
  expect((await b.cli('zones', 'receive', '--release', release)).code).toBe(0);
  await until(async () => (await statusAt(of, b)) === 200);
  expect((await introspect(b.replica.url, before, of)).body['active']).toBe(true);
});

test('what is recorded while a zone is stopped is either sent, or was refused', async () => {
  const of = await newZone();
  const issued: string[] = [];
  const stopped = new AbortController();
  const client = async () => {
    while (!stopped.signal.aborted) {
      const answer = await of.session();
      if (answer.status === 200) issued.push(answer.requestId);
    }
  };
  const clients = Array.from({ length: 4 }, client);
  await until(() => Promise.resolve(issued.length > 20));
  const { file, vkey } = await send(of);
  stopped.abort();
  await Promise.all(clients);
  expect((await receive(file, vkey)).code).toBe(0);
  const there = await rows<{ many: number }>(
    b.replica.databaseUrl,
    `SELECT count(DISTINCT request_id)::int AS many FROM audit_events WHERE zone_id = $1 AND request_id = ANY ($2) AND outcome = 'issued'`,
    [of.zoneId, issued],
  );
  expect(there[0]?.many).toBe(issued.length);
  // And nothing is recorded there after it.
  const recorded = (at: Installation) =>
    rows(
      at.replica.databaseUrl,
      'SELECT id, encode(hash, $2) AS hash FROM audit_events WHERE zone_id = $1 ORDER BY id',
      [of.zoneId, 'hex'],
    );
  expect(await recorded(b)).toEqual(await recorded(a));
});

/** Adds an event to a chain of a zone. */
const APPEND_EVENT = `SELECT audit_append_text($1, $2, uuid_from_time(now()), $3, NULL, 'x', 'done', NULL, NULL, '"type":"x"', '"outcome":"done"')`;

const stateAt = async (of: TestZone, at: Installation): Promise<unknown> =>
  Object((await callAdmin(at.replica, 'GET', `/zones/${of.zoneId}`)).body['move']).state;

test('a zone is not stopped before what is being added to a chain that has just begun', async () => {
  const of = await newZone();
  const { databaseUrl } = a.replica;
  const writer = randomUUID();
  const append: Statement = [APPEND_EVENT, [of.zoneId, writer, randomUUID()]];
  const waits = async (...reasons: readonly string[]) =>
    (
      await rows(
        databaseUrl,
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'mandate zone move' AND wait_event = ANY ($1)
            AND datname = current_database()`,
        [reasons],
      )
    ).length > 0;
  // While the gate is waited for a chain begins, and goes on in a transaction that is open for longer.
  await whileOpen(databaseUrl, ['SELECT ledger_enter($1)', [of.zoneId]], async (gate) => {
    const sending = send(of);
    await until(() => waits('advisory'));
    await rows(databaseUrl, append[0], [...append[1]]);
    await whileOpen(databaseUrl, append, async (open) => {
      await gate.query('ROLLBACK');
      await until(
        async () => (await waits('transactionid', 'tuple')) || (await stateAt(of, a)) !== undefined,
      );
      expect(await stateAt(of, a)).toBe(undefined);
      await open.query('COMMIT');
    });
    await sending;
  });
  expect(await stateAt(of, a)).toBe('sending');
});

test('another release signed by somebody else begins nothing, and nothing is added to a log that was sent', async () => {
  const of = await newZone();
  const token = tokenOf(await of.session());
  const writer = tokenOf(await of.sessionAt(a.replica, { scope: 'a:read a:write' }));
  await of.activate(APPROVE_WRITES);
  const system = await newProofSystem(of);
  const held = heldIn(await exchange(a.replica, writer, { scope: 'a:write' }, of));
  // What waits for a receiver of shared signals keeps the number that the database has given it.
  const stream = [of.zoneId, randomUUID()];
  await rows(
    a.replica.databaseUrl,
    `INSERT INTO ssf_streams (zone_id, id, client_id, delivery) VALUES ($1, $2, $3, 'poll')`,
    [...stream, of.clientId],
  );
  const jti = randomUUID();
  await rows(
    a.replica.databaseUrl,
    `INSERT INTO ssf_deliveries (zone_id, stream_id, jti, txn, event_type, sub_id, event) VALUES ($1, $2, $3, $3, 'x', '{}', '{}')`,
    [...stream, jti],
  );
  // What is taken back just before is in the feed when it is sent: it has one position in both.
  const feedLock = `SELECT pg_advisory_xact_lock(hashtextextended('revocation feed of ' || $1, 0))`;
  const sending = await whileOpen(a.replica.databaseUrl, [feedLock, [of.zoneId]], async () => {
    expect((await revokeAs(of, a.replica.url, { token })).status).toBe(200);
    const begun = send(of);
    await until(async () => (await stateAt(of, a)) === 'sending');
    return { begun };
  });
  const { file, vkey } = await sending.begun;
  expect((await receive(file, vkey)).code).toBe(0);
  const [here = [], there] = await Promise.all(
    [a, b].map((at) =>
      rows(
        at.replica.databaseUrl,
        `SELECT position::text, encode(key, 'hex') AS key FROM revocation_feed WHERE zone_id = $1 AND kind = 'jti' ORDER BY position`,
        [of.zoneId],
      ),
    ),
  );
  expect(here.length).toBeGreaterThan(0);
  expect(there).toEqual(here);

  const numbers = await Promise.all(
    [a, b].map((at) =>
      rows(at.replica.databaseUrl, 'SELECT seq::text FROM ssf_deliveries WHERE jti = $1', [jti]),
    ),
  );
  expect(numbers[0]?.length).toBe(1);
  expect(numbers[1]).toEqual(numbers[0]);

  // Who decides on what was held before is told to come again, and nothing is decided.
  const [challenge] = await rows<{ binding: string }>(
    a.replica.databaseUrl,
    `SELECT encode(binding, 'hex') AS binding FROM challenges WHERE id = $1`,
    [held.id],
  );
  for (const { replica } of [a, b]) {
    const report = {
      url: replica.url,
      body: { binding: challenge?.binding, by: { sub: 'an officer' } },
    };
    // oxlint-disable-next-line no-await-in-loop
    const answer = await reportProof(of, system, held.id, report);
    expect([answer.status, answer.body['error']]).toEqual([503, 'temporarily_unavailable']);
    // oxlint-disable-next-line no-await-in-loop
    const decided = await rows(
      replica.databaseUrl,
      'SELECT 1 FROM challenge_decisions WHERE challenge_id = $1',
      [held.id],
    );
    expect(decided).toEqual([]);
    // Operators cannot come through it either, for which resources would be registered in it.
    // oxlint-disable-next-line no-await-in-loop
    const named = await callAdmin(replica, 'PUT', '/operators/control-zone', {
      zone_id: of.zoneId,
    });
    expect([named.status, named.body['error_description']]).toEqual([
      422,
      expect.stringContaining('zone_id: the zone'),
    ]);
  }
  const [{ away } = { away: { move: '', digest: '' } }] = await rows<{
    away: { move: string; digest: string };
  }>(b.replica.databaseUrl, 'SELECT away FROM zones WHERE id = $1', [of.zoneId]);
  const forged = newFile();
  const signer = noteSigner('sts-a.localhost:8080/audit', randomBytes(32));
  writeFileSync(
    forged,
    signNote(`mandate zone released\n${of.zoneId}\n${away.move}\n${away.digest}\n`, [signer]),
  );
  expect(said(await b.cli('zones', 'receive', '--release', forged))[1]).toContain(
    'none of the keys has signed it',
  );
  for (const at of [a, b]) {
    const added = rows(
      at.replica.databaseUrl,
      `SELECT audit_append_text($1, c.writer, uuid_from_time(now()), $2, NULL, 'x', 'done', NULL, NULL, '"type":"x"', '"outcome":"done"')
         FROM (SELECT writer FROM audit_chains WHERE zone_id = $1 UNION ALL SELECT $3) AS c`,
      [of.zoneId, randomUUID(), randomUUID()],
    );
    await expect(added).rejects.toThrow('is not served here');
  }

  // What was received can be forgotten, as long as it is not served.
  expect((await b.cli('zones', 'receive', '--discard', of.zoneId)).code).toBe(0);
  expect((await callAdmin(b.replica, 'GET', `/zones/${of.zoneId}`)).status).toBe(404);
  expect((await a.cli('zones', 'send', of.zoneId, '--cancel')).code).toBe(0);
  expect((await b.cli('audit', 'verify')).code).toBe(0);
});
