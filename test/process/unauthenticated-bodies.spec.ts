import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowReplica, startReplica, type Replica } from '../setup/harness.js';
import { openSocket } from '../setup/raw-socket.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

const KEY = randomBytes(32);
const CALLBACK = `/step-up/${randomUUID()}/callback`;
const SIMULATE = '/internal/policy/simulate';

let replica: Replica;
let keyless: Replica;
let zone: TestZone;
let system: Record<string, unknown>;

beforeAll(async () => {
  keyless = await borrowReplica();
  replica = await startReplica({
    databaseUrl: keyless.databaseUrl,
    env: { GATEWAY_HMAC_KEY: KEY.toString('hex') },
  });
  zone = await createTestZone(replica);
  system = await zone.admin('POST', '/proof-systems', { name: 'bank' });
});

afterAll(async () => {
  await Promise.all([replica?.stop(), keyless?.stop()]);
});

type Headers = Readonly<Record<string, string>>;

const seconds = (offset = 0) => Math.floor(Date.now() / 1_000) + offset;

/** The headers of a gateway; the signature is over nothing that is sent. */
const gateway = (turned: Headers = {}): Headers => ({
  'X-Caracal-Gateway-Timestamp': String(seconds()),
  'X-Caracal-Gateway-Request': randomUUID(),
  'X-Caracal-Gateway-Signature': createHmac('sha256', KEY).update('x').digest('hex'),
  ...turned,
});

/** The headers of a proof system; the signature is over nothing that is sent. */
const proof = (turned: Headers = {}): Headers => ({
  'Mandate-Proof-System': String(system['id']),
  'webhook-id': `msg_${randomUUID()}`,
  'webhook-timestamp': String(seconds()),
  'webhook-signature': new Webhook(String(system['secret'])).sign('m', new Date(), 'x'),
  ...turned,
});

/** Announces a body of so many bytes, and sends none of it. @returns what is answered */
async function announce(path: string, headers: Headers, bytes: number, at = replica) {
  const socket = await openSocket(at.ports[0] ?? 0);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${bytes}\r\n${lines.join('')}\r\n`,
  );
  await socket.says(/\r\n\r\n\{.*\}/);
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(socket.answer())?.[1]);
}

describe('before its body is read', () => {
  test.each<[string, () => Headers]>([
    ['no signature', () => ({})],
    ['an unknown system', () => proof({ 'Mandate-Proof-System': randomUUID() })],
    ['a malformed system', () => proof({ 'Mandate-Proof-System': 'x' })],
    ['an old signature', () => proof({ 'webhook-timestamp': String(seconds(-400)) })],
    ['no time', () => proof({ 'webhook-timestamp': 'now' })],
    ['a malformed signature', () => proof({ 'webhook-signature': 'v1,x' })],
    ['a malformed id', () => proof({ 'webhook-id': 'a b' })],
  ])('a callback is refused with %s', async (_case, headers) => {
    expect(await announce(CALLBACK, headers(), 1_000)).toBe(401);
    expect(await announce(`${CALLBACK}/nothing`, headers(), 1_000)).toBe(401);
  });

  test.each<[string, Headers]>([
    ['one header', { 'X-Caracal-Gateway-Signature': 'x' }],
    ['an old signature', gateway({ 'X-Caracal-Gateway-Timestamp': String(seconds(-100)) })],
    ['a malformed signature', gateway({ 'X-Caracal-Gateway-Signature': 'x' })],
    ['a malformed request id', gateway({ 'X-Caracal-Gateway-Request': 'a b' })],
    ['another request id', gateway({ 'X-Request-Id': 'another' })],
  ])('a question about policy is refused with %s', async (_case, headers) => {
    expect(await announce(SIMULATE, headers, 1_000)).toBe(401);
    expect(await announce('/internal/policy/nothing', headers, 1_000)).toBe(401);
  });

  test('a question about policy is refused where there are no gateways', async () => {
    expect(await announce(SIMULATE, gateway(), 1_000, keyless)).toBe(401);
  });

  test('what is signed is refused if it is more than 16 KiB', async () => {
    expect(await announce(CALLBACK, proof(), 16 * 1_024 + 1)).toBe(413);
    expect(await announce(SIMULATE, gateway(), 16 * 1_024 + 1)).toBe(413);
  });
});

test.each(['1', 'chunked'])('of what is signed at most 16 KiB are read: %s', async (length) => {
  for (const [path, headers] of [
    [CALLBACK, proof()],
    [SIMULATE, gateway()],
  ] as const) {
    const send = (bytes: number) =>
      fetch(replica.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        ...(length === 'chunked'
          ? { body: new Blob(['x'.repeat(bytes)]).stream(), duplex: 'half' }
          : { body: 'x'.repeat(bytes) }),
      });
    expect((await send(16 * 1_024)).status).toBe(401);
    expect((await send(16 * 1_024 + 1)).status).toBe(413);
  }
});

test('a page takes forms of 16 KiB at most', async () => {
  const post = (bytes: number) =>
    fetch(`${replica.url}/step-up/${randomUUID()}/confirm`, {
      method: 'POST',
      body: new URLSearchParams({ code: 'x'.repeat(bytes - 5) }),
      redirect: 'manual',
    });
  expect((await post(16 * 1_024 + 1)).status).toBe(413);
  expect((await post(16 * 1_024)).status).not.toBe(413);
});
