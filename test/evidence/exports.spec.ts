import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCheckpoint } from '../../src/transparency-log/checkpoint.js';
import { readCosignatures } from '../../src/transparency-log/cosignature.js';
import { parseNote } from '../../src/transparency-log/signed-note.js';
import { TestStorage, TestWitness } from '../setup/checkpoint-places.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { metric } from '../setup/policies.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const storage = new TestStorage();
const witness = new TestWitness();
let directory: string;
let env: Record<string, string>;
let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mandate-checkpoints-'));
  env = {
    CHECKPOINT_SECONDS: '1',
    CHECKPOINT_DIRECTORY: directory,
    CHECKPOINT_BUCKET_URL: `${await storage.listen()}/bucket/of/one`,
    CHECKPOINT_BUCKET_KEY_ID: storage.keyId,
    CHECKPOINT_BUCKET_KEY_SECRET: storage.keySecret,
    CHECKPOINT_WITNESS_URL: await witness.listen(),
    CHECKPOINT_WITNESS_KEY: witness.vkey,
    ALLOW_INSECURE_FETCH: 'true',
    ALLOW_PRIVATE_FETCH: 'true',
  };
  replica = await startReplica({ env });
  zone = await createTestZone(replica);
});

afterAll(async () => {
  // Otherwise it writes into what is removed.
  await replica?.stop();
  await Promise.all([storage.close(), witness.close()]);
  await rm(directory, { recursive: true, force: true });
});

interface Shown {
  readonly size: number;
  readonly note: string;
  readonly cosignatures: readonly string[];
}

const newest = async (): Promise<Shown> => {
  const { body } = await callAdmin(replica, 'GET', '/audit/checkpoints?limit=1');
  const [first] = body['items'] as Shown[];
  return first ?? { size: 0, note: '', cosignatures: [] };
};

/** The notes in the directory, by size. */
async function written(folder = directory): Promise<Map<number, string>> {
  const files = await readdir(folder, { recursive: true });
  const notes = files.filter((name) => name.endsWith('.note'));
  return new Map(
    await Promise.all(
      notes.map(async (name): Promise<[number, string]> => {
        const size = Number(name.replace('.note', '').replaceAll('/', ''));
        return [size, await readFile(join(folder, name), 'utf8')];
      }),
    ),
  );
}

const inStorage = () =>
  new Map(
    [...storage.objects].map(([name, note]) => [Number(/-(\d+)\.note$/.exec(name)?.[1]), note]),
  );

/** A checkpoint that is newer than all before, in the places that are looked at. */
async function exported(places: readonly (() => Promise<number>)[]): Promise<number> {
  const before = (await newest()).size;
  expect((await zone.exchange()).status).toBe(200);
  return until(async () => {
    const sizes = await Promise.all(places.map((size) => size()));
    return sizes.every((size) => size > before) && Math.min(...sizes);
  });
}

const most = (sizes: Iterable<number>) => Math.max(0, ...sizes);
const PLACES = {
  directory: async () => most((await written()).keys()),
  s3: () => Promise.resolve(most(inStorage().keys())),
  witness: () => Promise.resolve(witness.last?.size ?? 0),
};

test('what is signed comes to each place, as it is, and what a witness signs is shown', async () => {
  await exported(Object.values(PLACES));
  // In this order: one may be signed and taken there in between.
  const there = [await written(), inStorage()];
  const notes = await rows<{ size: number; note: string }>(
    replica.databaseUrl,
    'SELECT size::integer AS size, note FROM checkpoints',
  );
  const signed = new Map(notes.map(({ size, note }) => [size, note]));
  for (const [size, note] of there.flatMap((each) => [...each])) {
    expect(note).toBe(signed.get(size));
  }
  expect(storage.strangers).toBe(0);
  const shown = await until(async () => {
    const one = await newest();
    return one.cosignatures.length > 0 && one;
  });
  const text = parseNote(shown.note)?.text ?? '';
  const [cosigned] = readCosignatures(text, shown.cosignatures.join(''), [witness.key]);
  expect(cosigned?.by.name).toBe('witness.example/w');
  const file = await fetch(`${replica.url}/internal/audit/log/checkpoint`, {
    headers: { authorization: `Bearer ${replica.adminToken}` },
  });
  expect(parseNote(await file.text())?.signatures.length).toBeGreaterThan(0);
  expect(replica.logs().join('\n')).not.toContain(storage.keySecret);
});

test('a place that does not answer holds up no other, and gets what it missed', async () => {
  witness.isSilent = true;
  storage.isSilent = true;
  await exported([PLACES.directory]);
  const failed = { outcome: 'failed' };
  await until(async () => (await metric(replica, 'mandate_checkpoint_exports_total', failed)) > 0);
  witness.isSilent = false;
  storage.isSilent = false;
  const { size } = await newest();
  await until(async () => (await PLACES.s3()) >= size && (await PLACES.witness()) >= size);
});

test('a database that was set back is said to be, and is not signed', async () => {
  await exported(Object.values(PLACES));
  await until(async () => (await metric(replica, 'mandate_checkpoint_export_lag_seconds')) === 0);
  // As if the last commits had been lost.
  await replica.stop();
  const kept = most((await written()).keys());
  const least = Math.min(kept, await PLACES.s3(), await PLACES.witness());
  const [back] = await rows<{ size: number }>(
    replica.databaseUrl,
    `WITH older AS (SELECT size, root FROM checkpoints WHERE size < $1 ORDER BY size DESC LIMIT 1),
          log AS (UPDATE evidence_logs l SET size = o.size, root = o.root FROM older o
                   WHERE l.zone_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
          gone AS (DELETE FROM checkpoints c USING older o WHERE c.size > o.size),
          zones AS (DELETE FROM zone_checkpoints z USING older o WHERE z.leaf >= o.size)
     SELECT size::integer AS size FROM older`,
    [least],
  );
  expect(back?.size).toBeLessThan(least);
  const { databaseUrl } = replica;
  replica = await startReplica({ databaseUrl, env });
  await createTestZone(replica);
  for (const place of Object.keys(PLACES)) {
    // oxlint-disable-next-line no-await-in-loop
    await until(async () => (await metric(replica, 'mandate_checkpoint_fork', { place })) === 1);
  }
  expect(replica.logs().join('\n')).toContain('does not fit a checkpoint that was exported');
  expect((await newest()).size).toBe(back?.size);
  expect(most((await written()).keys())).toBe(kept);
  // Another process has all turns, and somebody puts away what does not fit: this one sees it, too.
  const turns = (end: string) =>
    rows(databaseUrl, `UPDATE evidence_turns SET holder = $1, until = ${end}`, [randomUUID()]);
  await turns(`now() + interval '1 hour'`);
  for (const name of await readdir(directory)) {
    // oxlint-disable-next-line no-await-in-loop
    await rm(join(directory, name), { recursive: true });
  }
  const place = 'directory';
  await until(async () => (await metric(replica, 'mandate_checkpoint_fork', { place })) === 0);
  await replica.stop();
  await turns('now()');

  // Whoever has looked into it names places that know nothing of it, and keeps what the old ones have.
  const anew = join(directory, 'anew');
  const { CHECKPOINT_SECONDS } = env;
  const other = { CHECKPOINT_SECONDS: CHECKPOINT_SECONDS ?? '1', CHECKPOINT_DIRECTORY: anew };
  replica = await startReplica({ databaseUrl, env: other });
  await createTestZone(replica);
  const next = await until(async () => {
    const { size } = await newest();
    return size > (back?.size ?? 0) && size;
  });
  await until(async () => most((await written(anew)).keys()) >= next);
  const [first] = (await written(anew)).values();
  expect(parseCheckpoint(parseNote(first ?? '')?.text ?? '')?.origin).toMatch(/\/audit$/);
});
