import { createHash, createPrivateKey, randomBytes, randomUUID } from 'node:crypto';
import { Secret } from 'otpauth';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { createDatabase, rows, startReplica, withClient, type Replica } from '../setup/harness.js';
import { startProxy, type Proxy } from '../setup/proxy.js';
import { fragmentOf, keyOn } from '../setup/pages.js';
import { openZoneKey } from '../setup/zone-key.js';
import { ACCESS_TOKEN, createTestZone, TOKEN_EXCHANGE, type TestZone } from '../setup/zone.js';

/** Everything that was planted, by what it is. */
const canaries = new Map<string, string>();
/** Everything that came out and anybody may read. */
const seen: { readonly where: string; readonly text: string }[] = [];

function plant(what: string, value: string = `canary-${randomBytes(18).toString('hex')}`): string {
  // Of nothing, everything would be full.
  if (value.length < 16) throw new Error(`${what} is no secret`);
  canaries.set(what, value);
  return value;
}

/** The ways in which a secret may be spelled. */
function spellings(value: string): string[] {
  const bytes = Buffer.from(value);
  const inner = bytes.toString('base64').replace(/=+$/, '').slice(0, -2);
  return [
    value,
    bytes.toString('hex'),
    // Wherever in a longer text it was when that was encoded, some of it survives only if aligned.
    inner,
    inner.replaceAll('+', '-').replaceAll('/', '_'),
    encodeURIComponent(value),
  ];
}

/** What was planted and is in one of the texts, by what it is and where. */
function findAll(texts: readonly { readonly where: string; readonly text: string }[]): string[] {
  return [...canaries].flatMap(([what, value]) =>
    texts
      .filter(({ text }) => spellings(value).some((spelling) => text.includes(spelling)))
      .map(({ where, text }) => `${what} in ${where}: ${text.slice(0, 300)}`),
  );
}

const PASSWORD = plant('database password');
const ADMIN = plant('admin token');
const METRICS = plant('metrics token');
const KEK = plant('key-encryption key', createHash('sha256').update(randomBytes(32)).digest('hex'));

let proxy: Proxy;
let serverUrl: string;
let replica: Replica;
let zone: TestZone;
let role: string;

beforeAll(async () => {
  serverUrl = await createDatabase();
  role = `canary_${randomBytes(6).toString('hex')}`;
  await rows(serverUrl, `CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${PASSWORD}'`);
  const url = new URL(serverUrl);
  url.username = role;
  url.password = PASSWORD;
  proxy = await startProxy();
  proxy.forwardTo(serverUrl);
  replica = await startReplica({
    databaseUrl: proxy.urlFor(url.href),
    env: {
      ADMIN_TOKEN: ADMIN,
      METRICS_TOKEN: METRICS,
      KEY_ENCRYPTION_KEY: KEK,
      LOG_LEVEL: 'trace',
    },
  });
  zone = await createTestZone(replica);
  plant('drawn secret', zone.secret);
  await plantPrivateKeys();
});

afterAll(async () => {
  await replica?.stop();
  await proxy?.close();
  await rows(serverUrl, `DROP OWNED BY ${role}`).catch(() => {});
});

/** Sends a request and keeps what is answered. What is told once and on purpose is not kept. */
async function send(
  method: string,
  path: string,
  {
    headers = {},
    body,
    keep = true,
  }: {
    headers?: Record<string, string>;
    body?: string | URLSearchParams;
    keep?: boolean;
  } = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(replica.url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const said = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  seen.push({ where: `the headers of ${method} ${path} (${response.status})`, text: said });
  if (keep) seen.push({ where: `the answer to ${method} ${path} (${response.status})`, text });
  const parsed: unknown = /^[{[]/.test(text) ? JSON.parse(text) : {};
  return { status: response.status, body: { ...Object(parsed) } };
}

const form = (parameters: Record<string, string>, headers: Record<string, string> = {}) =>
  send('POST', '/oauth/2/token', { body: new URLSearchParams(parameters), headers });
const json = (path: string, body: string, method = 'POST', keep = true) =>
  send(method, `/internal${path}`, {
    body,
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    keep,
  });

const basic = (id: string, secret: string) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;

/** The private key of every zone that there is, in the ways in which it may be written. */
async function plantPrivateKeys(): Promise<void> {
  const kept = await rows<{ zone_id: string; kid: string; sealed: Buffer }>(
    serverUrl,
    'SELECT zone_id, kid, sealed_private_key AS sealed FROM signing_keys',
  );
  for (const { zone_id: zoneId, kid, sealed } of kept) {
    const der = await openZoneKey(zoneId, kid, sealed, KEK);
    const { d = '' } = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
      format: 'jwk',
    });
    plant(`private key ${kid} as in a JWK`, d);
    plant(`private key ${kid} in base64`, Buffer.from(d, 'base64url').toString('base64'));
    plant(`private key ${kid} in hex`, Buffer.from(d, 'base64url').toString('hex'));
    plant(`private key ${kid} in PEM`, der.toString('base64').slice(0, 64));
  }
}

/** The path of a page, and a secret that people bring to it. */
interface PageSecret {
  readonly path: string;
  readonly link: string;
}

/** What pages show once and on purpose is not kept; what is planted there is looked for everywhere else. */
async function openPage(path: string, fields: Record<string, string>): Promise<string> {
  const body = new URLSearchParams(fields);
  const response = await fetch(replica.url + path, { method: 'POST', body });
  const said = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  seen.push({ where: `the headers of the page ${path} (${response.status})`, text: said });
  return response.text();
}

/** Every link that whoever has it may do something with, and every secret that the pages show. */
async function plantLinks(): Promise<readonly PageSecret[]> {
  const writes = `/zones/${zone.zoneId}/authenticators`;
  const subject = zone.clientId;
  const invite = async (what: string): Promise<PageSecret> => {
    const { body } = await json(`${writes}/enrolments`, JSON.stringify({ subject }), 'POST', false);
    return { path: '/step-up/enrol', link: plant(what, fragmentOf(body['enrolment_url'])) };
  };
  const [used, unused] = [await invite('enrolment link'), await invite('unused enrolment link')];
  const key = plant('key of an app', keyOn(await openPage(used.path, { link: used.link })));
  plant('bytes of that key in hex', Buffer.from(Secret.fromBase32(key).bytes).toString('hex'));
  plant(
    'key of an app that is not used',
    keyOn(await openPage(unused.path, { link: unused.link })),
  );
  expect(await openPage(used.path, { link: used.link, code: codeOf(key) })).toContain('That works');
  const app = await json(writes, JSON.stringify({ subject, kind: 'totp' }), 'POST', false);
  plant('key of an app that an operator made', String(app.body['secret']));

  await zone.activate(APPROVE_WRITES.replace('"approval"', '"mfa"'));
  const hold = async (what: string, ttl: string) => {
    const held = heldIn(await zone.session({ scope: 'a:write', ttl_seconds: ttl }));
    plant(`challenge secret of ${what}`, held.response.challenge_response);
    const link = plant(`link of ${what}`, fragmentOf(held.confirmUri));
    return { path: `/step-up/${held.id}/confirm`, link, held, ttl };
  };
  const [linked, unlinked] = [await hold('a challenge', '61'), await hold('another one', '62')];
  const decided = { link: linked.link, code: codeOf(key, 1), decision: 'approved' };
  expect(await openPage(linked.path, decided)).toContain('Confirmed');
  const shown = await openPage(unlinked.path, { code: codeOf(String(app.body['secret'])) });
  const proof = plant('proof', /name="proof" value="([^"]+)"/.exec(shown)?.[1]);
  const redeemed = await zone.session({
    scope: 'a:write',
    ttl_seconds: linked.ttl,
    ...linked.held.response,
  });
  expect(redeemed.status).toBe(200);
  plant('mandate of a challenge', String(redeemed.body['access_token']));
  expect(proof).toMatch(/^.{43}$/);
  const [hook, system] = [
    await json(`/zones/${zone.zoneId}/webhooks`, '{"url":"https://hook.example/"}', 'POST', false),
    await json(`/zones/${zone.zoneId}/proof-systems`, '{"name":"bank"}', 'POST', false),
  ];
  plant('webhook secret', String(hook.body['secret']));
  plant('proof system secret', String(system.body['secret']));
  return [used, unused, linked, unlinked];
}

/** Links and what goes with them, sent where they belong, and where they do not. */
async function sendLinks(links: readonly PageSecret[]): Promise<void> {
  for (const { path, link } of links) {
    await Promise.all([
      // As the first version took them, and as people may mistype them.
      send('GET', `${path}/${link}`),
      send('POST', `${path}/${link}`, { body: new URLSearchParams({ code: '123456' }) }),
      send('GET', `/step-up/${link}`),
      send('GET', `/step-up/${link}/confirm`),
      send('GET', `${path}?link=${link}`),
      send('GET', `${path}/%zz${link}`),
      send('DELETE', `${path}/${link}`),
      send('GET', `/${link}`),
      send('GET', path, { headers: { referer: `${replica.url}${path}#${link}` } }),
      // The secret in fields that take something else. The page answers with the link that it was sent.
      openPage(path, { link: `${link}x`, code: link, proof: link }),
      openPage(path, { code: link, assertion: link, registration: link, decision: link }),
      openPage(`/step-up/${randomUUID()}/confirm`, { link }),
      send('POST', path, { body: `link=${link}&link=${link}` }),
      send('POST', path, { body: `link=${link}&a=%zz`, headers: FORM }),
      send('POST', path, {
        body: JSON.stringify({ link }),
        headers: { 'content-type': 'application/json' },
      }),
    ]);
  }
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Everything that may hold a secret, sent in every way that works or fails. */
async function sendEverything(): Promise<Set<number>> {
  const { clientId, secret, resource, zoneId } = zone;
  const client = { grant_type: 'client_credentials', client_id: clientId, resource };
  const exchange = {
    grant_type: TOKEN_EXCHANGE,
    client_id: clientId,
    client_secret: secret,
    resource,
    subject_token_type: ACCESS_TOKEN,
  };
  const wrongBasic = basic(clientId, plant('secret in a wrong Basic header'));
  plant('Basic header', wrongBasic.slice('Basic '.length));
  const junk = ['a', 'b', 'c'].map((part) =>
    Buffer.from(`{"${part}":"junk"}`).toString('base64url'),
  );
  const clients = `/zones/${zoneId}/clients`;
  const answers = await Promise.all([
    form({ ...client, client_secret: plant('wrong secret') }),
    form({
      ...client,
      client_secret: plant('wrong drawn secret', `mds_${randomBytes(32).toString('base64url')}`),
    }),
    form({
      ...client,
      client_id: clientId.replace(/^.{4}/, 'ffff'),
      client_secret: plant('secret of nobody'),
    }),
    form(
      { ...client, client_secret: plant('secret sent twice'), client_id: 'x' },
      { authorization: wrongBasic },
    ),
    form({ grant_type: 'client_credentials', resource }, { authorization: wrongBasic }),
    form(
      { grant_type: 'client_credentials', resource },
      { authorization: `Basic ${plant('junk header')}` },
    ),
    form(
      { grant_type: 'client_credentials', resource },
      { authorization: `Bearer ${plant('bearer token')}` },
    ),
    form({ ...client, client_assertion: plant('assertion'), client_assertion_type: 'jwt-bearer' }),
    form({ ...client, client_assertion: plant('JWT assertion', junk.join('.')) }),
    form({ ...client, client_secret: secret, challenge_response: plant('challenge response') }),
    form({ ...client, client_secret: secret, password: plant('unknown parameter') }),
    form({ ...client, client_secret: secret, resource: 'resource://unknown' }),
    form({ ...client, client_secret: `${plant('secret with a NUL')}\0` }),
    // The two fields mixed up: what nobody knows is a secret of ours.
    form({ ...client, client_id: plant('secret as client id'), client_secret: clientId }),
    form({
      ...client,
      client_id: plant('drawn secret as client id', `mds_${randomBytes(32).toString('base64url')}`),
      client_secret: clientId,
    }),
    form({ ...client, client_secret: plant('long secret', 'canary'.repeat(400)) }),
    form({ ...exchange, subject_token: plant('junk subject token') }),
    form({ ...exchange, subject_token: plant('junk JWT', junk.toReversed().join('.')) }),
    form({ ...exchange, subject_token: plant('token of wrong type'), subject_token_type: 'x' }),
    form({
      ...exchange,
      subject_token: 'x',
      actor_token: plant('junk actor'),
      actor_token_type: ACCESS_TOKEN,
    }),
    send('POST', '/oauth/2/token', {
      body: `client_secret=${plant('secret in a bad form')}&a=%zz`,
    }),
    send('POST', '/oauth/2/token', {
      body: JSON.stringify({ client_secret: plant('secret in JSON') }),
      headers: { 'content-type': 'application/json' },
    }),
    send('POST', `/oauth/2/token?client_secret=${plant('secret in a query')}`, {
      body: new URLSearchParams(client),
    }),
    send('GET', `/nowhere?token=${plant('token in a query')}`),
    send('GET', '/internal/zones', {
      headers: { authorization: `Bearer ${plant('wrong admin token')}` },
    }),
    send('GET', '/internal/zones', {
      headers: { authorization: basic('admin', plant('admin password')) },
    }),
    send('GET', '/metrics', {
      headers: { authorization: `Bearer ${plant('wrong metrics token')}` },
    }),
    json('/zones', `{"name": "x", "secret": "${plant('secret in cut JSON')}`),
    json('/zones', `{"name": ${plant('unquoted secret')}}`),
    json('/zones', plant('bare secret')),
    json('/zones', `{"name": {"secret": "${plant('secret in an object')}"}}`),
    json('/zones', `{"name": "${plant('secret with a bell')}\\u0007"}`),
    json(
      '/zones',
      JSON.stringify({ name: 'x', client_secret: plant('secret in an unknown member') }),
    ),
    json(
      `${clients}/${clientId}/secrets`,
      `{"secret": "${plant('secret in cut JSON of a client')}`,
    ),
    json(`${clients}/${clientId}/secrets`, JSON.stringify({ secret: [plant('secret in a list')] })),
    json(
      `${clients}/${clientId}/secrets`,
      JSON.stringify({ secret: plant('overlong import', `canary${'x'.repeat(300)}`) }),
    ),
    json(
      `${clients}/${clientId}/secrets`,
      JSON.stringify({
        secret: plant('imported in our form', `mds_${randomBytes(32).toString('base64url')}`),
      }),
    ),
    json(
      `${clients}/${clientId}/secrets`,
      JSON.stringify({ secret: plant('imported with a bad date'), expires_at: 'tomorrow' }),
    ),
  ]);
  return new Set(answers.map(({ status }) => status));
}

test('no secret is in an answer, in the log, in a figure or in the database', async () => {
  // What works.
  const { clientId: importing } = await zone.newClient();
  const imported = plant('imported secret');
  const clients = `/zones/${zone.zoneId}/clients`;
  expect(
    (await json(`${clients}/${importing}/secrets`, JSON.stringify({ secret: imported }))).status,
  ).toBe(201);
  const drawn = await json(`${clients}/${zone.clientId}/secrets`, '{}', 'POST', false);
  plant('second drawn secret', String(drawn.body['client_secret']));
  for (const [id, secret] of [
    [zone.clientId, zone.secret],
    [zone.clientId, String(drawn.body['client_secret'])],
    [importing, imported],
  ] as const) {
    const authorization = basic(id, secret);
    plant(`right Basic header of ${secret.slice(0, 8)}`, authorization.slice('Basic '.length));
    const { status, body } = await send('POST', '/oauth/2/token', {
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: zone.resource }),
      headers: { authorization },
      keep: false,
    });
    expect(status).toBe(200);
    plant(`token for ${secret.slice(0, 8)}`, String(body['access_token']));
  }
  const subject = plant('subject token', String((await zone.session()).body['access_token']));
  const other = await zone.newClient();
  const actor = plant(
    'actor token',
    String(
      (await zone.session({ client_id: other.clientId, client_secret: other.secret })).body[
        'access_token'
      ],
    ),
  );
  const mandate = await zone.exchange({
    subject_token: subject,
    actor_token: actor,
    actor_token_type: ACCESS_TOKEN,
  });
  expect(mandate.status).toBe(200);
  plant('mandate', String(mandate.body['access_token']));
  for (const token of [subject, actor, String(mandate.body['access_token'])]) {
    plant(`signature ${canaries.size}`, token.split('.')[2]);
  }
  expect((await zone.exchange({ subject_token: `${subject}x` })).status).toBe(400);
  expect((await zone.exchange({ subject_token: actor })).status).toBe(400);

  // What has to do with keys.
  const rotation = `/zones/${zone.zoneId}/signing-key/rotate`;
  expect((await json(`${rotation}?emergency=true`, '{}')).status).toBe(200);
  await plantPrivateKeys();
  for (const path of [
    `/internal/zones/${zone.zoneId}/signing-keys`,
    `/.well-known/jwks.json?zone_id=${zone.zoneId}`,
  ]) {
    const answer = await send('GET', path, { headers: { authorization: `Bearer ${ADMIN}` } });
    expect(answer.status).toBe(200);
  }

  // What has to do with people.
  const links = await plantLinks();
  await sendLinks(links);

  // What is refused.
  expect([...(await sendEverything())]).toEqual(expect.arrayContaining([400, 401, 404, 415, 422]));

  // What fails inside: a table that is not as it was.
  for (const table of ['enrolments', 'challenge_secrets', 'confirmation_proofs']) {
    await rows(serverUrl, `ALTER TABLE ${table} RENAME TO no_${table}`);
    await sendLinks(links);
    await rows(serverUrl, `ALTER TABLE no_${table} RENAME TO ${table}`);
  }
  await rows(serverUrl, 'ALTER TABLE clients RENAME COLUMN labels TO no_labels');
  expect(await sendEverything()).toContain(500);
  const lost = await json(clients, JSON.stringify({ name: plant('name while broken') }));
  expect(lost.status).toBe(500);
  await rows(serverUrl, 'ALTER TABLE clients RENAME COLUMN no_labels TO labels');

  // What fails outside.
  proxy.forwardTo(null);
  await withClient(serverUrl, (client) =>
    client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    ),
  );
  expect(await sendEverything()).toContain(503);
  await sendLinks(links);
  await expect.poll(async () => (await send('GET', '/ready')).status).toBe(503);
  proxy.forwardTo(serverUrl);

  // What is left of it all.
  for (const path of ['/metrics', '/metrics.json']) {
    const { status } = await send('GET', path, { headers: { authorization: `Bearer ${METRICS}` } });
    expect(status).toBe(200);
  }
  await replica.stop();
  for (const line of replica.logs()) seen.push({ where: 'the log', text: line });
  const tables = await rows<{ name: string }>(
    serverUrl,
    `SELECT oid::regclass::text AS name FROM pg_class
      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  for (const { name } of tables) {
    const kept = await rows<{ text: string }>(
      serverUrl,
      `SELECT t::text AS text FROM ${name} AS t`,
    );
    for (const { text } of kept) seen.push({ where: `table ${name}`, text });
  }
  const events = seen.filter(({ where }) => where.startsWith('table audit_events'));
  expect(events.length).toBeGreaterThan(50);
  expect(seen.filter(({ where }) => where === 'the log').length).toBeGreaterThan(100);
  expect(canaries.size).toBeGreaterThan(60);
  expect(findAll(seen)).toEqual([]);
});

test('a canary that sings is heard', () => {
  const secret = plant('loud');
  const texts = [
    secret,
    `x ${secret} y`,
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('hex'),
  ].map((text, i) => ({ where: String(i), text }));
  expect(findAll(texts)).toHaveLength(4);
  canaries.delete('loud');
});
