import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChainVerifier } from '../../src/audit/verify/chain-verifier.js';
import type { Fault } from '../../src/audit/verify/fault.js';
import { readLog } from '../../src/audit/verify/read-log.js';
import { jsonLinesOf, runCli } from '../setup/cli.js';
import { createDatabase, sharedReplica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import {
  appendEvent,
  recordEvents,
  SEAMLESS,
  tamper,
  TAMPERINGS,
  type Tampered,
} from '../setup/tampering.js';
import { createTestZone } from '../setup/zone.js';

let databaseUrl: string;
let client: pg.Client;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
});

afterAll(async () => {
  await client?.end();
});

async function newZone(): Promise<Tampered> {
  const of = { zone: uuidv7(), writers: [uuidv7(), uuidv7()] } as const;
  await recordEvents(client, of);
  return of;
}

/** All that a verifier finds in one zone, or in all. */
async function faultsIn(zone: string | null): Promise<Fault[]> {
  const faults: Fault[] = [];
  const verifier = new ChainVerifier((fault) => faults.push(fault));
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  for await (const item of readLog(client, zone)) verifier.add(item);
  await client.query('COMMIT');
  verifier.end();
  return faults;
}

const placesOf = (faults: readonly Fault[], { writers }: Tampered) =>
  faults.map(({ kind, writer, seq }) => [kind, writers.indexOf(writer ?? ''), seq]);

describe('somebody who may do everything in the database', () => {
  test.each(TAMPERINGS)('$name, and it is found where it was', async (tampering) => {
    const of = await newZone();
    expect(await faultsIn(of.zone)).toEqual([]);
    await tamper(databaseUrl, of, tampering);
    const faults = await faultsIn(of.zone);
    const places = placesOf(faults, of);
    expect(places).toHaveLength(tampering.found.length);
    expect(places).toEqual(expect.arrayContaining([...tampering.found]));
    expect(faults.every(({ zone, why }) => zone === of.zone && why !== '')).toBe(true);
  });

  test('moves an event to another zone, and it is found there as well', async () => {
    const [of, other] = [await newZone(), uuidv7()];
    await tamper(databaseUrl, of, {
      sql: ({ zone, writers }) =>
        `UPDATE audit_events SET zone_id = '${other}' WHERE zone_id = '${zone}' AND writer = '${writers[0]}' AND seq = 1`,
    });
    expect((await faultsIn(other)).map(({ kind, seq }) => [kind, seq])).toEqual([
      ['added', 1],
      ['head', 1],
    ]);
  });

  test.each(SEAMLESS)('$name, and the chains do not show it', async (tampering) => {
    const of = await newZone();
    await tamper(databaseUrl, of, tampering);
    expect(await faultsIn(of.zone)).toEqual([]);
  });
});

test('audit verify prints each fault, and ends with 1', async () => {
  const of = await newZone();
  await tamper(databaseUrl, of, {
    sql: ({ zone }) => `DELETE FROM audit_events WHERE zone_id = '${zone}' AND seq = 3`,
  });
  const env = { DATABASE_URL: databaseUrl };
  const text = await runCli(['audit', 'verify', '--zone', of.zone], env);
  expect([text.code, text.stderr]).toEqual([1, '']);
  const [texts, jsonb] = of.writers;
  expect(text.stdout.split('\n')).toEqual([
    `removed: zone ${of.zone}, writer ${texts}, seq 3: event 4 comes after 2`,
    `removed: zone ${of.zone}, writer ${jsonb}, seq 3: event 4 comes after 2`,
    '10 events in 2 chains: 2 faults',
    '',
  ]);
  const json = await runCli(['audit', 'verify', '--zone', of.zone, '--json'], env);
  expect(json.code).toBe(1);
  expect(jsonLinesOf(json)).toMatchObject([
    { kind: 'removed', zone: of.zone, writer: texts, seq: 3, last_seq: 3, id: null },
    { kind: 'removed', writer: jsonb },
    { chains: 2, events: 10, dropped: 0, faults: 2 },
  ]);
});

test('an event that a terminal would act upon is printed as text', async () => {
  const of = await newZone();
  const evil = '\\u001b]0;x\\u0007';
  await tamper(databaseUrl, of, {
    sql: ({ zone, writers }) =>
      `UPDATE audit_events SET event_text = replace(event_text, id::text, '${evil}'),
         hash = sha256(previous_hash || convert_to(replace(event_text, id::text, '${evil}'), 'UTF8'))
        WHERE zone_id = '${zone}' AND writer = '${writers[0]}' AND seq = 6`,
  });
  const { stdout } = await runCli(['audit', 'verify', '--zone', of.zone], {
    DATABASE_URL: databaseUrl,
  });
  expect(stdout).toContain('it was recorded with the id ?]0;x?');
});

test('audit verify looks at one moment: what is committed meanwhile is no fault', async () => {
  const of = await newZone();
  const other = new pg.Client({ connectionString: databaseUrl });
  await other.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const faults: Fault[] = [];
    const verifier = new ChainVerifier((fault) => faults.push(fault));
    for await (const item of readLog(client, of.zone)) {
      verifier.add(item);
      for (const writer of of.writers) await appendEvent(other, of.zone, writer, 'later');
    }
    verifier.end();
    await client.query('COMMIT');
    expect([faults, verifier.counts.events]).toEqual([[], 12]);
    expect(await faultsIn(of.zone)).toEqual([]);
  } finally {
    await other.end();
  }
});

test('audit verify finds nothing in what a server has recorded', async () => {
  const replica = await sharedReplica();
  const zone = await createTestZone(replica);
  const session = await persistently(() => zone.exchange());
  expect(session.status).toBe(200);
  await zone.session({ scope: 'a:unknown' });
  const { code, stdout, stderr } = await runCli(['audit', 'verify', '--zone', zone.zoneId], {
    DATABASE_URL: replica.databaseUrl,
  });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^\d+ events in \d+ chains(?:, \d+ sealed by \d+ checkpoints)?: nothing is wrong\n$/,
  );
});

test.each([
  [{}, /^DATABASE_URL is needed/],
  [
    { DATABASE_URL: 'postgres://mandate@127.0.0.1:1/none' },
    /out of reach: the connection is refused/,
  ],
])('audit verify without a database to verify: %j', async (env, says) => {
  const { code, stdout, stderr } = await runCli(['audit', 'verify'], env);
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr).toMatch(says);
});
