import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ChainVerifier } from '../../src/audit/verify/chain-verifier.js';
import type { Fault } from '../../src/audit/verify/fault.js';
import { readKept, type KeptCheckpoint } from '../../src/audit/verify/kept-checkpoint.js';
import { readLog } from '../../src/audit/verify/read-log.js';
import { SealedRows } from '../../src/audit/verify/read-sealed.js';
import { verifySealed } from '../../src/audit/verify/verify-sealed.js';
import { jsonLinesOf, runCli } from '../setup/cli.js';
import { createDatabase } from '../setup/harness.js';
import { SealedLog, type Sealed } from '../setup/sealed-log.js';
import {
  appendEvent,
  OF_SEALED,
  recordEvents,
  SEAMLESS,
  TAMPERINGS,
  type Tampered,
} from '../setup/tampering.js';
import { withoutTriggers } from '../setup/without-triggers.js';

let databaseUrl: string;
let client: pg.Client;
let log: SealedLog;
let of: Tampered;
let sealed: Sealed;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mandate-verify-sealed-'));
  databaseUrl = await createDatabase();
  client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  log = new SealedLog(client);
  await log.begin();
  of = await newZone();
  await log.seal(of.zone);
  await log.seal((await newZone()).zone);
  of = await newZone();
  sealed = await log.seal(of.zone);
});

afterAll(async () => {
  await client?.end();
  await rm(folder, { recursive: true, force: true });
});

async function newZone(): Promise<Tampered> {
  const made = { zone: uuidv7(), writers: [uuidv7(), uuidv7()] } as const;
  await recordEvents(client, made);
  return made;
}

function keptOf({ note }: Sealed): readonly KeptCheckpoint[] {
  const kept = readKept('kept', note, null);
  if (typeof kept === 'string') throw new Error(kept);
  return kept;
}

/** All that is found in the transaction that is open, by who has one signed checkpoint of before. */
async function faultsNow(kept = keptOf(sealed)): Promise<Fault[]> {
  const faults: Fault[] = [];
  await client.query('CLOSE ALL');
  const verifier = new ChainVerifier((fault) => faults.push(fault));
  for await (const item of readLog(client, null)) verifier.add(item);
  verifier.end();
  await verifySealed(new SealedRows(client), null, { keys: null, kept }, (fault) =>
    faults.push(fault),
  );
  return faults;
}

/** What is found after some statements, which are undone. */
async function faultsAfter(sql: string): Promise<Fault[]> {
  await client.query('BEGIN');
  try {
    await withoutTriggers(client);
    await client.query(sql);
    return await faultsNow();
  } finally {
    await client.query('ROLLBACK');
  }
}

/** An event of now behind the last checkpoint is one that the service could have written. */
const FOUND = [...TAMPERINGS, ...SEAMLESS, ...OF_SEALED].filter(
  ({ name }) => name !== 'writes an event of now with all hashes',
);

describe('somebody who may do everything in the database, and a checkpoint of before', () => {
  test.each(FOUND)('$name', async ({ sql }) => {
    const faults = await faultsAfter(sql({ ...of, other: uuidv7() }));
    expect(faults).not.toEqual([]);
  });

  test('does nothing', async () => {
    expect(await faultsAfter('SELECT 1')).toEqual([]);
  });

  test('rewrites a chain, and the event is named', async () => {
    const [anew] = SEAMLESS.filter(({ name }) => name.startsWith('writes a chain anew'));
    const faults = await faultsAfter(anew?.sql({ ...of, other: uuidv7() }) ?? '');
    expect(faults).toEqual([
      {
        kind: 'changed',
        zone: of.zone,
        writer: of.writers[0],
        seq: 1,
        lastSeq: 6,
        id: null,
        why: 'its hash is not the one that was sealed',
      },
    ]);
  });
});

test('events that went with a day are looked for once, and not each', async () => {
  const asked = vi.spyOn(client, 'query');
  await client.query('BEGIN');
  try {
    const chain = [of.zone, of.writers[0]];
    await withoutTriggers(client);
    await client.query(
      `INSERT INTO audit_heads (zone_id, writer, first_seq, last_seq, day, previous_hash, hash)
       SELECT f.zone_id, f.writer, f.seq, l.seq, current_date, f.previous_hash, l.hash
         FROM audit_events f JOIN audit_events l ON l.zone_id = f.zone_id AND l.writer = f.writer AND l.seq = 6
        WHERE f.zone_id = $1 AND f.writer = $2 AND f.seq = 1`,
      chain,
    );
    await client.query('DELETE FROM audit_events WHERE zone_id = $1 AND writer = $2', chain);
    expect(await faultsNow()).toEqual([]);
    const looks = asked.mock.calls.filter(([text]) => text.includes('"droppedTo"'));
    expect(looks).toHaveLength(1);
  } finally {
    asked.mockRestore();
    await client.query('ROLLBACK');
  }
});

describe('a database that was set back, or sealed anew', () => {
  /** In a database of its own: what is sealed is remembered by who seals. */
  async function inOther(run: (own: { log: SealedLog; zone: Tampered }) => Promise<void>) {
    const before = client;
    const url = await createDatabase();
    client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const own = new SealedLog(client);
      await own.begin();
      const zone = await newZone();
      await own.seal(zone.zone);
      await run({ log: own, zone });
    } finally {
      await client.end();
      client = before;
    }
  }

  test('is right, but for a tile above the leaves', () =>
    inOther(async ({ log: own, zone }) => {
      for (let n = 0; n < 260; n += 1)
        await appendEvent(client, zone.zone, zone.writers[0], 'many');
      const kept = keptOf(await own.seal(zone.zone));
      await client.query('BEGIN');
      expect(await faultsNow(kept)).toEqual([]);
      await client.query(`UPDATE evidence_tiles SET hashes = sha256('x') WHERE level = 1`);
      expect((await faultsNow(kept)).map(({ why }) => why)).toEqual([
        'tile 0 of level 1 does not follow from those below it',
      ]);
      await client.query('ROLLBACK');
    }));

  test('is an old backup', () =>
    inOther(async ({ log: own, zone }) => {
      await client.query('BEGIN');
      await appendEvent(client, zone.zone, zone.writers[0], 'later');
      const kept = keptOf(await own.seal(zone.zone));
      expect(await faultsNow(kept)).toEqual([]);
      await client.query('ROLLBACK');
      await client.query('BEGIN');
      expect((await faultsNow(kept)).map(({ why }) => why)).toEqual([
        'kept is of 2 leaves of mandate.example/audit, and there is no log here that has had as many',
      ]);
      await client.query('ROLLBACK');
    }));

  test('is written and sealed anew, with the key', () =>
    inOther(async ({ log: own, zone }) => {
      const kept = keptOf(await own.seal((await newZone()).zone));
      const [anew] = SEAMLESS.filter(({ name }) => name.startsWith('writes a chain anew'));
      const [gone] = OF_SEALED.filter(({ name }) => name === 'deletes what is signed');
      await client.query('BEGIN');
      await withoutTriggers(client);
      await client.query(anew?.sql({ ...zone, other: '' }) ?? '');
      await client.query(gone?.sql({ ...zone, other: '' }) ?? '');
      own.forget(zone.zone);
      own.forget('ffffffff-ffff-ffff-ffff-ffffffffffff');
      await own.seal(zone.zone);
      await own.seal((await newZone()).zone);
      expect(await faultsNow([])).toEqual([]);
      expect((await faultsNow(kept)).map(({ why }) => why)).toEqual([
        'kept has another root: among the first 2 leaves one is not what it was',
      ]);
      await client.query('ROLLBACK');
    }));
});

test('audit verify compares with checkpoints that were kept', async () => {
  const env = { DATABASE_URL: databaseUrl };
  const path = join(folder, 'kept.txt');
  await writeFile(path, sealed.note);
  const ofZone = join(folder, 'zone.txt');
  await writeFile(ofZone, sealed.body);
  const args = ['audit', 'verify', '--key', log.vkey, '--checkpoint', path, ofZone];
  const right = await runCli(args, env);
  expect([right.code, right.stdout]).toEqual([
    0,
    '36 events in 6 chains, 36 sealed by 6 checkpoints: nothing is wrong\n',
  ]);
  await writeFile(ofZone, sealed.body.replace('\n12\n', '\n13\n'));
  const wrong = await runCli([...args, '--json'], env);
  expect(wrong.code).toBe(1);
  expect(jsonLinesOf(wrong)).toMatchObject([
    { kind: 'checkpoint', zone: null },
    { faults: 1, sealed: 36, checkpoints: 6 },
  ]);
  await writeFile(path, sealed.note.replace('/audit\n', '/audit1\n'));
  expect((await runCli(args, env)).code).toBe(2);
});
