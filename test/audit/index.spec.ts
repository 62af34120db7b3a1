import fc from 'fast-check';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TERM_PLACES } from '../../src/audit/term-places.js';
import { termsIn } from '../../src/audit/terms-in.js';
import { fillIndex } from '../../src/audit/index-filling.js';
import { RecordedTerms, rememberValues } from '../../src/audit/recorded-terms.js';
import { dataSourceOptions } from '../../src/schema/data-source.js';
import { dropDay, dueDays, maintaining } from '../../src/ledger/maintenance-connection.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { createDatabase, rows, withClient } from '../setup/harness.js';
import { until } from '../setup/process.js';

const DAY_MS = 86_400_000;
const DAYS_KEPT = 30;

let databaseUrl: string;

let dataSource: DataSource;

/** Has the tests of a group use a database of their own: what is dropped is gone. */
function withDatabase(): void {
  beforeAll(async () => {
    databaseUrl = await createDatabase();
    dataSource = await new DataSource(dataSourceOptions(databaseUrl)).initialize();
  });
  afterAll(() => dataSource?.destroy());
}

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

/** Ways in which what is not in the index is added: by this version, and by processes of one that knows no other. */
const FILLS = {
  'as this version fills it': (most: number) => fillIndex(dataSource, most, 0),
  'as the version before fills it': async (most: number) =>
    Number((await rows<{ n: number }>(databaseUrl, `SELECT audit_index_fill(${most}) AS n`))[0]?.n),
};

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

/** Appends so many events of today that have a hundred terms each. */
async function appendLong(zone: string, many: number): Promise<void> {
  const resources = `(SELECT jsonb_agg('r' || n || '-' || m) FROM generate_series(1, 100) AS m)`;
  await rows(
    databaseUrl,
    `SELECT audit_append('${zone}', '${zone}', new_uuid_v7(), jsonb_build_object('type', 'test', 'outcome', 'done',
              'request_id', n, 'requested', jsonb_build_object('resources', ${resources})))
       FROM generate_series(1, ${many}) AS n`,
  );
}

/** How many pages of terms were added and are yet to be moved to where they are found. */
async function pagesAside(): Promise<number> {
  const [row] = await rows<{ pages: number }>(
    databaseUrl,
    `SELECT sum(gin_clean_pending_list(i.indexrelid))::int AS pages
       FROM pg_inherits h JOIN pg_index i ON i.indrelid = h.inhrelid JOIN pg_class c ON c.oid = i.indexrelid
       JOIN pg_am a ON a.oid = c.relam WHERE h.inhparent = 'audit_index'::regclass AND a.amname = 'gin'`,
  );
  return row?.pages ?? Number.NaN;
}

/** Pages of 8 kB, of which one may be begun by the last event. */
const MOST_PAGES_ASIDE = 256 / 8 + 2;

async function insertZone(client: pg.Client, held: boolean) {
  const id = uuidv7();
  await client.query(
    `INSERT INTO zones (id, name, sealed_digest_key, legal_hold) VALUES ($1, $2, '\\x00', $3)`,
    [id, `zone ${id}`, held],
  );
  return id;
}

describe.each(Object.entries(FILLS))('the index, %s,', (_way, fill) => {
  withDatabase();

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
      { numRuns: 5 },
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

  test('has little put aside, so that no statement moves much at once', async () => {
    await pagesAside();
    await appendLong(uuidv7(), 250);
    while ((await fill(500)) > 0);
    expect(await pagesAside()).toBeLessThanOrEqual(MOST_PAGES_ASIDE);
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

  test('has what has an id of long before the events around it, however few are added at once', async () => {
    const [zone, writer] = [uuidv7(), uuidv7()];
    await withClient(databaseUrl, (client) => append(client, zone, writer, [0]));
    while ((await fill(100)) > 0);
    await withClient(databaseUrl, (client) => append(client, zone, writer, [3, 0, 0]));
    while ((await fill(1)) > 0);
    expect(await idsIn('audit_index', zone)).toEqual(await idsIn('audit_events', zone));
    expect(await idsIn('audit_index', zone)).toHaveLength(4);
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

describe('what a process has recorded', () => {
  withDatabase();

  const remember = async (known: RecordedTerms) => {
    const values = rememberValues(known.take(100));
    const [row] = await rows<{ added: number | null }>(
      databaseUrl,
      'SELECT audit_index_remember($1, $2, $3, $4) AS added',
      values,
    );
    return row?.added;
  };
  const recorded = async (zone: string) => {
    const found = await rows<{ event: { id: string } }>(
      databaseUrl,
      'SELECT audit_event(a) AS event FROM audit_events a WHERE zone_id = $1 ORDER BY seq',
      [zone],
    );
    return found.map(({ event }) => event);
  };
  const entries = (zone: string) =>
    rows(
      databaseUrl,
      'SELECT id, occurred_at, terms FROM audit_index WHERE zone_id = $1 ORDER BY id',
      [zone],
    );

  test('is in the index as it would be if it was read, once, and as far as nothing is missing before it', async () => {
    const [zone, other, writer] = [uuidv7(), uuidv7(), uuidv7()];
    await withClient(databaseUrl, async (client) => {
      await append(client, zone, writer, [0, 0, 0, 0, 0, 0]);
      await append(client, other, writer, [0, 0]);
    });
    const events = await recorded(zone);
    const known = (places: readonly number[]) => {
      const some = new RecordedTerms();
      for (const n of places) some.add(zone, events[n]?.id ?? '', events[n] ?? {});
      return some;
    };
    // The third is missing, what is of another zone comes first, and one was never recorded.
    const some = new RecordedTerms();
    for (const event of await recorded(other)) some.add(other, event.id, event);
    for (const n of [1, 0, 4, 3]) some.add(zone, events[n]?.id ?? '', events[n] ?? {});
    some.add(zone, uuidv7(), { type: 'test' });
    expect(await remember(some)).toBe(4);
    expect(await idsIn('audit_index', zone)).toHaveLength(2);
    expect(await remember(known([0, 1, 2]))).toBe(1);
    expect(await remember(known([4]))).toBe(0);
    expect(await FILLS['as this version fills it'](100)).toBe(3);
    const there = await entries(zone);
    expect(there).toHaveLength(6);
    // Made again, by whom no process tells what it has recorded.
    await rows(databaseUrl, 'DELETE FROM audit_index_heads WHERE zone_id = $1', [zone]);
    expect(await remember(known([0, 1]))).toBe(0);
    await rows(databaseUrl, 'DELETE FROM audit_index WHERE zone_id = $1', [zone]);
    while ((await FILLS['as the version before fills it'](100)) > 0);
    expect(await entries(zone)).toEqual(there);
  });

  test('has little of it put aside, so that no statement moves much at once', async () => {
    const zone = uuidv7();
    await pagesAside();
    await appendLong(zone, 250);
    const some = new RecordedTerms();
    for (const event of await recorded(zone)) some.add(zone, event.id, event);
    while (some.size > 0) expect(await remember(some)).toBeGreaterThan(0);
    expect(await pagesAside()).toBeLessThanOrEqual(MOST_PAGES_ASIDE);
  });

  test('waits while another process fills the index, and is left to it for a while', async () => {
    const [zone, writer] = [uuidv7(), uuidv7()];
    await withClient(databaseUrl, async (client) => {
      await append(client, zone, writer, [0]);
      await client.query('BEGIN');
      await client.query("SELECT audit_index_turn(10, interval '0')");
      const some = new RecordedTerms();
      for (const event of await recorded(zone)) some.add(zone, event.id, event);
      expect(await remember(some)).toBeNull();
      await client.query('ROLLBACK');
    });
    expect(await fillIndex(dataSource, 10, 3_600_000)).toBe(0);
    expect(await fillIndex(dataSource, 10, 0)).toBe(1);
  });
});

describe('terms', () => {
  withDatabase();

  test('are looked for where the SQL functions look for them', async () => {
    const places = await rows(
      databaseUrl,
      `SELECT kind, replace(place::text, '"', '') AS path FROM audit_term_places()`,
    );
    expect(places).toEqual(
      TERM_PLACES.map(({ kind, path, ofTypes }) => ({
        kind,
        path:
          ofTypes === undefined
            ? path
            : `$?(@.type starts with ${ofTypes})${path.slice('$'.length)}`,
      })),
    );
  });

  test('are those that the SQL functions find, whatever is in an event', async () => {
    const names = [...new Set(TERM_PLACES.flatMap(({ path }) => path.match(/\w+/g) ?? []))];
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'admin.client.x', 'admin.resource.y') },
        fc.constantFrom(null, true, 1, '', 'é\u001f'),
        { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
        {
          weight: 6,
          arbitrary: fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 6 }),
        },
      ),
    }));
    const event = fc.dictionary(fc.constantFrom(...names), value, { minKeys: 3 });
    await withClient(databaseUrl, (client) =>
      fc.assert(
        fc.asyncProperty(fc.array(event, { minLength: 20, maxLength: 20 }), async (events) => {
          const { rows: found } = await client.query<{ terms: string[] }>(
            'SELECT audit_terms(e) AS terms FROM jsonb_array_elements($1) AS e',
            [JSON.stringify(events)],
          );
          expect(events.map((one) => termsIn(one).toSorted())).toEqual(
            found.map(({ terms }) => [...new Set(terms)].toSorted()),
          );
        }),
        { numRuns: 30 },
      ),
    );
  });
});
