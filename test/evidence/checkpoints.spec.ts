import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCheckpoint } from '../../src/transparency-log/checkpoint.js';
import { leafHash, rootOf } from '../../src/transparency-log/merkle-tree.js';
import { parseVkey, type NoteKey } from '../../src/transparency-log/note-key.js';
import { openNote } from '../../src/transparency-log/signed-note.js';
import { parseTlogProof } from '../../src/transparency-log/tlog-proof.js';
import { isConsistent, isIncluded } from '../../src/transparency-log/verify-proof.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let twin: Replica;
let zone: TestZone;

beforeAll(async () => {
  const env = { CHECKPOINT_SECONDS: '1' };
  replica = await startReplica({ env });
  twin = await startReplica({ databaseUrl: replica.databaseUrl, env });
  zone = await createTestZone(replica);
});

afterAll(async () => {
  await Promise.all([replica, twin].map((one) => one?.stop()));
});

const get = (path: string) => callAdmin(replica, 'GET', path);
const hashes = (texts: unknown) =>
  (texts as readonly string[]).map((text) => Buffer.from(text, 'base64'));

interface Proved {
  readonly text: string;
  readonly previous_hash: string;
  readonly hash: string;
  readonly leaf: number;
  readonly inclusion: readonly string[];
  readonly checkpoint: { readonly body: string; readonly proof: string };
}

/** The keys of the installation. */
async function keys(): Promise<NoteKey[]> {
  const { body } = await get('/audit/checkpoint-keys');
  return (body['items'] as { vkey: string }[]).flatMap(({ vkey }) => parseVkey(vkey) ?? []);
}

/** The steps of docs/evidence.md, "Verify a proof". @returns the first that fails, or null */
function firstWrongStep(
  { text, previous_hash: previous, hash, leaf, inclusion, checkpoint }: Proved,
  known: readonly NoteKey[],
): number | null {
  const data = createHash('sha256').update(Buffer.from(previous, 'hex')).update(text).digest();
  if (data.toString('hex') !== hash) return 1;
  const ofZone = parseCheckpoint(checkpoint.body);
  if (ofZone === null || !ofZone.origin.endsWith(`/zones/${zone.zoneId}`)) return 2;
  if (!isIncluded(leafHash(data), leaf, ofZone.size, hashes(inclusion), ofZone.root)) return 2;
  const proof = parseTlogProof(checkpoint.proof);
  const note = openNote(proof?.checkpoint ?? '', known);
  if (!note.isValid) return 4;
  const signed = parseCheckpoint(note.text);
  const body = leafHash(Buffer.from(checkpoint.body));
  return proof !== null &&
    signed !== null &&
    signed.origin === known[0]?.name &&
    isIncluded(body, proof.index, signed.size, proof.hashes, signed.root)
    ? null
    : 3;
}

/** An event of the zone, once it is in a signed checkpoint. */
async function proved(): Promise<Proved> {
  expect((await zone.exchange()).status).toBe(200);
  const { body } = await get(`/zones/${zone.zoneId}/audit?type=token_exchange&limit=1`);
  const [event] = body['items'] as { id: string }[];
  return until(async () => {
    const answer = await get(`/zones/${zone.zoneId}/audit/proofs/${event?.id}`);
    if (answer.status === 409) {
      expect(answer.headers.get('retry-after')).toBe('1');
      return null;
    }
    expect(answer.status).toBe(200);
    return answer.body as unknown as Proved;
  });
}

describe('an event', () => {
  test('is proved to whoever has the public key', async () => {
    const event = await proved();
    const known = await keys();
    expect(known).toHaveLength(1);
    expect(firstWrongStep(event, known)).toBeNull();
    expect(firstWrongStep({ ...event, text: event.text.replace('"', "'") }, known)).toBe(1);
    expect(firstWrongStep({ ...event, leaf: event.leaf + 1 }, known)).toBe(2);
    const body = event.checkpoint.body.replace('time 2', 'time 1');
    expect(firstWrongStep({ ...event, checkpoint: { ...event.checkpoint, body } }, known)).toBe(3);
    expect(firstWrongStep(event, [])).toBe(4);
  });

  test('is not there under another zone, or by what is no id', async () => {
    const before = parseCheckpoint((await proved()).checkpoint.body);
    const { id } = (await proved()) as unknown as { id: string };
    const other = await createTestZone(replica);
    for (const path of [
      `/zones/${other.zoneId}/audit/proofs/${id}`,
      `/zones/${zone.zoneId}/audit/proofs/${other.zoneId}`,
      `/zones/${zone.zoneId}/audit/proofs/nothing`,
      `/zones/${zone.zoneId}/audit/proofs/${id}?size=999999`,
      // It was recorded after that.
      `/zones/${zone.zoneId}/audit/proofs/${id}?size=${before?.size}`,
    ]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await get(path)).status).toBe(404);
    }
    for (const wrong of ['0', '-1', 'x', '1&size=2']) {
      // oxlint-disable-next-line no-await-in-loop
      const { status } = await get(`/zones/${zone.zoneId}/audit/proofs/${id}?size=${wrong}`);
      expect(status).toBe(400);
    }
  });
});

test.each([
  ['of the installation', () => '/audit'],
  ['of a zone', () => `/zones/${zone.zoneId}/audit`],
])('checkpoints %s are consistent with each other', async (_, path) => {
  const list = async () =>
    (await get(`${path()}/checkpoints`)).body['items'] as { size: number; root: string }[];
  await proved();
  const before = (await list())[0];
  await proved();
  const after = (await list())[0];
  const [from, to] = [before?.size ?? 0, after?.size ?? 0];
  expect(to).toBeGreaterThan(from);
  const { body } = await get(`${path()}/checkpoints/consistency?from=${from}&to=${to}`);
  const headOf = (one: typeof before) => ({
    size: one?.size ?? 0,
    root: Buffer.from(one?.root ?? '', 'base64'),
  });
  expect(isConsistent(headOf(before), headOf(after), hashes(body['consistency']))).toBe(true);

  const page = (await get(`${path()}/checkpoints?limit=1&after=${to}`)).body;
  expect((page['items'] as { size: number }[])[0]?.size).toBeLessThan(to);
  for (const [query, status] of [
    ['from=2&to=1', 400],
    ['from=1', 400],
    ['from=1&to=9007199254740993', 400],
    ['from=1&to=999999', 409],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    expect((await get(`${path()}/checkpoints/consistency?${query}`)).status).toBe(status);
  }
});

test.each([
  ['of the installation', () => '/audit/log'],
  ['of a zone', () => `/zones/${zone.zoneId}/audit/log`],
])('the log %s is served as tiles', async (_, path) => {
  await proved();
  const at = async (name: string) => {
    const answer = await fetch(`${replica.url}/internal${path()}/${name}`, {
      headers: { authorization: `Bearer ${replica.adminToken}` },
    });
    const { status, headers } = answer;
    return { status, headers, bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  const { headers, bytes } = await at('checkpoint');
  expect([headers.get('content-type'), headers.get('cache-control')]).toEqual([
    'text/plain; charset=utf-8',
    'no-store',
  ]);
  const text = bytes.toString();
  const proof = parseTlogProof(text);
  const note = openNote(proof?.checkpoint ?? text, await keys());
  if (!note.isValid) throw new Error(note.reason);
  const signed = parseCheckpoint(note.text);
  const ofZone = parseCheckpoint(proof?.extra?.toString() ?? '');
  if (proof !== null) {
    const leaf = leafHash(proof.extra ?? Buffer.alloc(0));
    const { size = 0, root = leaf } = signed ?? {};
    expect(isIncluded(leaf, proof.index, size, proof.hashes, root)).toBe(true);
    expect(ofZone?.origin).toMatch(new RegExp(`/zones/${zone.zoneId}$`));
  }
  const tip = ofZone ?? signed;
  const size = tip?.size ?? 0;
  expect(size).toBeGreaterThan(0);
  expect(size).toBeLessThan(256);
  const tile = await at(`tile/0/000.p/${size}`);
  expect([tile.status, tile.headers.get('content-type')]).toEqual([
    200,
    'application/octet-stream',
  ]);
  expect(tile.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
  const leaves = Array.from({ length: size }, (__, n) => tile.bytes.subarray(n * 32, n * 32 + 32));
  expect(tile.bytes).toHaveLength(size * 32);
  expect(rootOf(leaves)).toEqual(tip?.root);
  expect((await at('tile/0/000.p/1')).bytes).toEqual(leaves[0]);
  for (const wrong of [
    'tile/0/000',
    'tile/0/000.p/255',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/0.p/1',
    'tile/0/x000/000.p/1',
    'tile/0/001.p/1',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/00/000.p/1',
    'tile/64/000.p/1',
    'tile/-1/000.p/1',
    'tile/0/%00',
    'tile/0/..%2f000',
    'tile/0',
    'tile/entries/000.p/1',
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await at(wrong);
    expect([wrong, answer.status]).toEqual([wrong, 404]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
});

test('a new key signs from the next checkpoint on, and the old one verifies what it has signed', async () => {
  const old = await proved();
  const [first] = await keys();
  const { status, body } = await callAdmin(twin, 'POST', '/audit/checkpoint-keys');
  expect(status).toBe(201);
  const known = await keys();
  expect(known.map(({ id }) => id)).toEqual([parseVkey(String(body['vkey']))?.id, first?.id]);
  expect(firstWrongStep(old, known)).toBeNull();
  const opened = await until(async () => {
    await proved();
    const listed = (await get('/audit/checkpoints?limit=1')).body['items'] as { note: string }[];
    const note = openNote(listed[0]?.note ?? '', known);
    return note.isValid && note.by[0]?.id.equals(known[0]?.id ?? Buffer.alloc(0)) && note;
  });
  expect(opened.by).toHaveLength(1);
  const recorded = await rows<{ event: { checkpoint_key: { vkey: string } } }>(
    replica.databaseUrl,
    `SELECT audit_event(a) AS event FROM audit_events a WHERE type = 'admin.checkpoint_key.rotated'`,
  );
  expect(recorded.map(({ event }) => event.checkpoint_key.vkey)).toEqual([body['vkey']]);
});
