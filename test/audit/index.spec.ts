import fc from 'fast-check';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { beforeAll, describe, expect, test } from 'vitest';
import { dropDay, dueDays, maintaining } from '../../src/ledger/maintenance-connection.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { createDatabase, rows, withClient } from '../setup/harness.js';
import { until } from '../setup/process.js';

const DAY_MS = 86_400_000;
const DAYS_KEPT = 30;

let databaseUrl: string;

beforeAll(async () => {
  databaseUrl = await createDatabase();
});

/** Appends events to a chain, as of days so many days ago. */
async function append(client: pg.Client, zone: string, writer: string, days: readonly number[]) {
  for (const ago of days) {
    const day = new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10);
    const id = uuidv7({ msecs: Date.parse(`${day}T12:00:00Z`) });
    const event = { type: 'test', outcome: 'done', request_id: uuidv7() };
    // oxlint-disable-next-line no-await-in-loop
    await client.query('SELECT audit_append($1, $2, $3, $4)', [
      zone,
      writer,
      id,
      JSON.stringify(event),
    ]);
  }
  await client.query(`SELECT ledger_clear_default_partition('audit_events', 100000)`);
  await client.query('SELECT ledger_maintain()');
}

const fill = async (most: number) =>
  Number((await rows<{ n: number }>(databaseUrl, `SELECT audit_index_fill(${most}) AS n`))[0]?.n);

const idsIn = async (table: 'audit_index' | 'audit_events', zone: string) =>
  (
    await rows<{ id: string }>(
      databaseUrl,
      `SELECT id FROM ${table} WHERE zone_id = $1 ORDER BY 1`,
      [zone],
    )
  ).map(({ id }) => id);

const dropDue = () =>
  maintaining(
    {
      databaseUrl,
      limits: timeLimits(),
      retention: { auditDays: DAYS_KEPT, endedDays: 2, deliveryDays: 30 },
    },
    async (client) => {
      for (const { day } of await dueDays(client, {
        auditDays: DAYS_KEPT,
        endedDays: 2,
        deliveryDays: 30,
      })) {
        // oxlint-disable-next-line no-await-in-loop
        await dropDay(client, day);
      }
    },
  );

async function insertZone(client: pg.Client, held: boolean) {
  const id = uuidv7();
  await client.query(
    `INSERT INTO zones (id, name, sealed_digest_key, legal_hold) VALUES ($1, $2, '\\x00', $3)`,
    [id, `zone ${id}`, held],
  );
  return id;
}

describe('the index', () => {
  test('has each event once, whatever is added at once, and says how far it is', async () => {
    const chains = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(chains, fc.integer({ min: 1, max: 7 }), async (drawn, most) => {
        const made = drawn.map((many) => ({ zone: uuidv7(), writer: uuidv7(), many }));
        await withClient(databaseUrl, async (client) => {
          for (const { zone, writer, many } of made) {
            // oxlint-disable-next-line no-await-in-loop
            await append(
              client,
              zone,
              writer,
              Array.from({ length: many }, () => 0),
            );
          }
        });
        let added = 0;
        for (let some = await fill(most); some > 0; some = await fill(most)) added += some;
        expect(added).toBe(drawn.reduce((sum, many) => sum + many, 0));
        for (const { zone, many } of made) {
          expect(await idsIn('audit_index', zone)).toEqual(await idsIn('audit_events', zone));
          expect(
            await rows(databaseUrl, 'SELECT seq::int FROM audit_index_heads WHERE zone_id = $1', [
              zone,
            ]),
          ).toEqual([{ seq: many }]);
        }
      }),
      { numRuns: 10 },
    );
    expect(await rows(databaseUrl, 'SELECT audit_index_lag() AS seconds')).toEqual([
      { seconds: 0 },
    ]);
  });

  test('gets more of a chain that has more, where others do not need their share', async () => {
    const long = uuidv7();
    await withClient(databaseUrl, async (client) => {
      for (const zone of Array.from({ length: 9 }, () => uuidv7())) {
        // oxlint-disable-next-line no-await-in-loop
        await append(client, zone, uuidv7(), [0]);
      }
      await append(
        client,
        long,
        uuidv7(),
        Array.from({ length: 150 }, () => 0),
      );
    });
    expect(await fill(100)).toBe(100);
    expect(await idsIn('audit_index', long)).toHaveLength(91);
    while ((await fill(100)) > 0);
  });

  test('leaves no chain out for ever, however many others always have a little', async () => {
    const [zone, writer] = [uuidv7(), uuidv7()];
    const others = Array.from({ length: 300 }, () => uuidv7());
    await withClient(databaseUrl, async (client) => {
      await append(client, zone, writer, [0, 0, 0, 0, 0, 0, 0, 0, 0]);
      const more = `SELECT audit_append(z, $1, new_uuid_v7(), '{"type":"test","outcome":"done","request_id":"r"}')
                      FROM unnest($2::uuid[]) AS z`;
      for (let rounds = 0; (await idsIn('audit_index', zone)).length < 9; rounds += 1) {
        expect(rounds).toBeLessThan(100);
        // oxlint-disable-next-line no-await-in-loop
        await client.query(more, [writer, others]);
        // oxlint-disable-next-line no-await-in-loop
        await fill(512);
      }
    });
    while ((await fill(1_000)) > 0);
  });

  test('is filled by one process at a time', async () => {
    const [zone, writer] = [uuidv7(), uuidv7()];
    await withClient(databaseUrl, async (client) => {
      await append(client, zone, writer, [0, 0]);
      await client.query('BEGIN');
      await client.query('SELECT audit_index_fill(10)');
      expect(await rows(databaseUrl, 'SELECT audit_index_fill(10) AS n')).toEqual([{ n: null }]);
      // What is not committed is not there.
      expect(await idsIn('audit_index', zone)).toEqual([]);
      const [lag] = await rows<{ seconds: number }>(
        databaseUrl,
        'SELECT audit_index_lag() AS seconds',
      );
      expect(lag?.seconds).toBeGreaterThan(0);
      await client.query('ROLLBACK');
    });
    expect(await fill(10)).toBe(2);
    expect(await idsIn('audit_index', zone)).toHaveLength(2);
  });

  test('has the partitions that the log has, and loses a day with it', async () => {
    const writer = uuidv7();
    const [held, free] = await withClient(databaseUrl, async (client) => {
      const zones = [await insertZone(client, true), await insertZone(client, false)] as const;
      for (const zone of zones) {
        // oxlint-disable-next-line no-await-in-loop
        await append(client, zone, writer, [40, 40, 3]);
      }
      return zones;
    });
    while ((await fill(100)) > 0);
    const days = (table: string) =>
      rows<{ day: string }>(
        databaseUrl,
        `SELECT right(c.relname, 8) AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = to_regclass($1) AND c.relname ~ '_[0-9]{8}$' ORDER BY 1`,
        [table],
      );
    expect(await days('audit_index')).toEqual(await days('audit_events'));
    expect(await rows(databaseUrl, 'SELECT id FROM audit_index_default')).toEqual([]);
    await dropDue();
    expect(await idsIn('audit_index', free)).toEqual(await idsIn('audit_events', free));
    expect(await idsIn('audit_index', free)).toHaveLength(1);
    expect(await idsIn('audit_index', held)).toHaveLength(3);
    await rows(databaseUrl, 'UPDATE zones SET legal_hold = false WHERE id = $1', [held]);
    await dropDue();
    expect(await idsIn('audit_index', held)).toEqual(await idsIn('audit_events', held));
    expect(await idsIn('audit_index', held)).toHaveLength(1);
    expect(await days('audit_index')).toEqual(await days('audit_events'));
  });

  test('keeps nothing of a day that goes while its events are being added', async () => {
    const writer = uuidv7();
    const free = await withClient(databaseUrl, async (client) => {
      const held = await insertZone(client, true);
      const zone = await insertZone(client, false);
      await append(client, held, writer, [43]);
      await append(client, zone, writer, [43, 43]);
      await client.query('BEGIN');
      await client.query('SELECT audit_index_fill(100)');
      let isOver = false;
      const dropping = dropDue()
        .catch(() => {})
        .finally(() => {
          isOver = true;
        });
      await until(async () => {
        const [waiting] = await rows(
          databaseUrl,
          `SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
              AND application_name = 'mandate ledger maintenance'`,
        );
        return isOver || waiting !== undefined;
      });
      await client.query('COMMIT');
      await dropping;
      return zone;
    });
    // It does not wait for long, and is tried again.
    await until(async () => {
      await dropDue();
      return (await idsIn('audit_events', free)).length === 0;
    });
    expect(await idsIn('audit_index', free)).toEqual([]);
  });

  test('goes on behind days that were dropped before they were in it', async () => {
    const [zone, writer] = [uuidv7(), uuidv7()];
    await withClient(databaseUrl, (client) => append(client, zone, writer, [41, 41, 41, 41, 2]));
    expect(await fill(2)).toBe(2);
    await dropDue();
    while ((await fill(2)) > 0);
    expect(await idsIn('audit_index', zone)).toEqual(await idsIn('audit_events', zone));
    expect(await idsIn('audit_index', zone)).toHaveLength(1);
    const heads = 'SELECT seq::int FROM audit_index_heads WHERE zone_id = $1';
    expect(await rows(databaseUrl, heads, [zone])).toEqual([{ seq: 5 }]);
  });
});
