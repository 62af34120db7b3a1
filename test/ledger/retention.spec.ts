import fc from 'fast-check';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  dropDay,
  dueDays,
  maintaining,
  type Maintained,
} from '../../src/ledger/maintenance-connection.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { FUNCTION_SET } from '../../src/platform/database/function-set.js';
import { StartPatience } from '../../src/platform/database/start-patience.js';
import { migrate } from '../../src/schema/migrate.js';
import { verifyChains } from '../setup/chain.js';
import { DISTRIBUTED } from '../setup/citus.js';
import { runCli } from '../setup/cli.js';
import {
  auditOf,
  createDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
  sharedReplica,
  startReplicaForTest,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { callAdmin, createTestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

const DAY_MS = 86_400_000;
/** Days are counted from one moment, so that it is the same ones all the time, also around midnight. */
const NOW = Date.now();

/** The day so many days ago, as `YYYY-MM-DD`. */
const dayBefore = (days: number) => new Date(NOW - days * DAY_MS).toISOString().slice(0, 10);

/** An id of an event of the noon of that day. */
const idOf = (days: number) => uuidv7({ msecs: Date.parse(`${dayBefore(days)}T12:00:00Z`) });

/** Appends an event to a chain, as of a day so many days ago. */
async function append(databaseUrl: string, zone: string, writer: string, days: number) {
  const event = { type: 'test', outcome: 'done', request_id: uuidv7() };
  await withClient(await databaseOf(databaseUrl, zone), (client) =>
    client.query('SELECT audit_append($1, $2, $3, $4)', [
      zone,
      writer,
      idOf(days),
      JSON.stringify(event),
    ]),
  );
}

/** Gives the days that are over their partitions, as the maintenance does with events that came late. */
const sortIntoDays = (client: pg.Client) =>
  client.query(`SELECT ledger_clear_default_partition('audit_events')`);

const insertZone = async (client: pg.Client, held: boolean, days: number | null = null) => {
  const id = uuidv7();
  await client.query('INSERT INTO zone_directory (zone_id, name) VALUES ($1::uuid, $1::text)', [
    id,
  ]);
  const { rows: made } = await client.query<{ id: string }>(
    `INSERT INTO zones (id, name, sealed_digest_key, legal_hold, retention_days)
     VALUES ($1::uuid, $1::text, '\\x00', $2, $3) RETURNING id`,
    [id, held, days],
  );
  return String(made[0]?.id);
};

const eventsOf = (databaseUrl: string, zone: string) =>
  rows(databaseUrl, 'SELECT id FROM audit_events WHERE zone_id = $1', [zone]);

describe('a day of the audit log that is older than it has to be', () => {
  let databaseUrl: string;
  let env: Maintained;

  beforeAll(async () => {
    databaseUrl = await createDatabase();
    const retention = { auditDays: 30, endedDays: 2, deliveryDays: 30 };
    env = { databaseUrl, limits: timeLimits(), retention };
  });

  /** Drops what is due, and says which days these were. */
  const dropDue = () =>
    maintaining(env, async (client) => {
      const due = await dueDays(client, env.retention);
      for (const { day } of due) {
        // oxlint-disable-next-line no-await-in-loop
        await dropDay(client, day);
      }
      return due.map(({ day }) => day);
    });

  test('goes, and what its chains began and ended with is kept', async () => {
    const [zone, writer] = [uuidv7(), uuidv7()];
    await withClient(databaseUrl, async (client) => {
      // Around midnight the order of ids is not that of the chain.
      for (const days of [40, 40, 39, 40, 39, 39, 3]) {
        // oxlint-disable-next-line no-await-in-loop
        await append(databaseUrl, zone, writer, days);
      }
      await sortIntoDays(client);
    });
    expect(await dropDue()).toEqual([dayBefore(40), dayBefore(39)]);
    expect(await eventsOf(databaseUrl, zone)).toHaveLength(1);
    expect(
      await rows(
        databaseUrl,
        'SELECT first_seq::int, last_seq::int, day::text FROM audit_heads WHERE zone_id = $1 ORDER BY 1',
        [zone],
      ),
    ).toEqual([
      { first_seq: 1, last_seq: 2, day: dayBefore(40) },
      { first_seq: 3, last_seq: 3, day: dayBefore(39) },
      { first_seq: 4, last_seq: 4, day: dayBefore(40) },
      { first_seq: 5, last_seq: 6, day: dayBefore(39) },
    ]);
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
    expect(await dropDue()).toEqual([]);
  });

  test('leaves chains that can be followed, whichever days their events are of', async () => {
    const days = fc.array(fc.constantFrom(50, 49, 48, 5), { minLength: 1, maxLength: 12 });
    const chains = fc.array(days, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(chains, async (drawn) => {
        await withClient(databaseUrl, async (client) => {
          for (const [zone, writer, events] of drawn.map(
            (one) => [uuidv7(), uuidv7(), one] as const,
          )) {
            // oxlint-disable-next-line no-await-in-loop
            for (const day of events) await append(databaseUrl, zone, writer, day);
          }
          await sortIntoDays(client);
        });
        await dropDue();
        expect((await verifyChains(databaseUrl)).faults).toEqual([]);
        expect(
          await rows(databaseUrl, 'SELECT 1 FROM audit_events WHERE id < $1', [idOf(20)]),
        ).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  test('keeps the events of a zone on legal hold, until it is released', async () => {
    const writer = uuidv7();
    const [held, other] = await withClient(databaseUrl, async (client) => {
      const zones = [await insertZone(client, true), await insertZone(client, false)] as const;
      for (const zone of [...zones, ...zones]) {
        // oxlint-disable-next-line no-await-in-loop
        await append(databaseUrl, zone, writer, 45);
      }
      await sortIntoDays(client);
      return zones;
    });
    expect(await dropDue()).toEqual([dayBefore(45)]);
    expect(await eventsOf(databaseUrl, held)).toHaveLength(2);
    expect(await eventsOf(databaseUrl, other)).toEqual([]);
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
    await expect(
      withClient(databaseUrl, (client) =>
        client.query('DELETE FROM audit_events WHERE zone_id = $1', [held]),
      ),
      'what is left is as immutable as it was',
    ).rejects.toThrow();
    await expect(
      withClient(databaseUrl, (client) =>
        client.query(`TRUNCATE audit_events_${dayBefore(45).replaceAll('-', '')}`),
      ),
    ).rejects.toThrow();
    // There is nothing more to drop of it, hour after hour.
    expect(await dropDue()).toEqual([]);
    await rows(databaseUrl, 'UPDATE zones SET legal_hold = false WHERE id = $1', [held]);
    expect(await dropDue()).toEqual([dayBefore(45)]);
    expect(await eventsOf(databaseUrl, held)).toEqual([]);
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
  });

  test('keeps the events of a zone as long as the zone itself says, and no longer', async () => {
    const writer = uuidv7();
    const [long, short, other, quiet] = await withClient(databaseUrl, async (client) => {
      const zones = [
        await insertZone(client, false, 60),
        await insertZone(client, false, 47),
        // Less than what the installation keeps does not shorten that.
        await insertZone(client, false, 1),
        await insertZone(client, false, 60),
      ] as const;
      for (const zone of zones.slice(0, 3)) {
        for (const days of [47, 46, 20]) {
          // oxlint-disable-next-line no-await-in-loop
          await append(databaseUrl, zone, writer, days);
        }
      }
      await sortIntoDays(client);
      return zones;
    });
    const keep = (zone: string, days: number | null) =>
      rows(databaseUrl, 'UPDATE zones SET retention_days = $2 WHERE id = $1', [zone, days]);
    const left = async () => {
      const zones = [long, short, other];
      const events = await Promise.all(zones.map((zone) => eventsOf(databaseUrl, zone)));
      return events.map((each) => each.length);
    };
    expect(await dropDue()).toEqual([dayBefore(47), dayBefore(46)]);
    expect(await left()).toEqual([3, 3, 1]);
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
    expect(await dropDue(), 'nobody lets go of anything').toEqual([]);
    await keep(short, 46);
    expect(await dropDue()).toEqual([dayBefore(47)]);
    expect(await left()).toEqual([3, 2, 1]);
    await keep(quiet, null);
    expect(await dropDue(), 'it had nothing there').toEqual([]);
    await rows(databaseUrl, 'DELETE FROM zones WHERE id = $1', [short]);
    expect(await dropDue()).toEqual([dayBefore(46)]);
    expect(await left()).toEqual([3, 1, 1]);
    await keep(long, null);
    expect(await dropDue()).toEqual([dayBefore(47), dayBefore(46)]);
    expect(await left()).toEqual([1, 1, 1]);
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
  });

  test.each([
    ['is held', 42, 'legal_hold = true'],
    ['is to keep it longer', 38, 'retention_days = 100'],
  ])('stays for a zone that %s while it goes', async (_what, days, change) => {
    const [zone, writer] = await withClient(databaseUrl, async (client) => {
      const made = [await insertZone(client, false), uuidv7()] as const;
      await append(databaseUrl, ...made, days);
      await sortIntoDays(client);
      return made;
    });
    await withClient(await databaseOf(databaseUrl, zone), async (client) => {
      await client.query('BEGIN');
      await client.query(`UPDATE zones SET ${change} WHERE id = $1`, [zone]);
      // What is not committed yet is not seen, and waited for: shortly, so this is given up.
      await expect(dropDue()).rejects.toMatchObject({ code: '55P03' });
      await client.query('COMMIT');
    });
    expect(
      await rows(databaseUrl, 'SELECT 1 FROM audit_heads WHERE writer = $1', [writer]),
    ).toEqual([]);
    expect(await dropDue()).toEqual([dayBefore(days)]);
    expect(await eventsOf(databaseUrl, zone)).toHaveLength(1);
  });

  test('has a zone wait that is to be held just when it goes', async () => {
    const zone = await withClient(databaseUrl, async (client) => {
      const made = await insertZone(client, false);
      await append(databaseUrl, made, uuidv7(), 37);
      await sortIntoDays(client);
      return made;
    });
    await withClient(databaseUrl, async (dropping) => {
      await dropping.query('BEGIN');
      await dropping.query('SELECT audit_drop_day($1)', [dayBefore(37)]);
      await withClient(await databaseOf(databaseUrl, zone), async (client) => {
        await client.query(`SET lock_timeout = '100ms'`);
        const hold = client.query('UPDATE zones SET legal_hold = true WHERE id = $1', [zone]);
        await expect(hold).rejects.toMatchObject({ code: '55P03' });
      });
      await dropping.query('COMMIT');
    });
    expect(await eventsOf(databaseUrl, zone)).toEqual([]);
  });

  test('is left alone while another process drops it', async () => {
    const lock = `SELECT pg_advisory_lock(hashtext('mandate.audit_drop_day'))`;
    await withClient(databaseUrl, async (client) => {
      await append(databaseUrl, uuidv7(), uuidv7(), 41);
      await sortIntoDays(client);
      await client.query(lock);
      expect(await maintaining(env, (other) => dropDay(other, dayBefore(41)))).toBeNull();
    });
    expect(await dropDue()).toEqual([dayBefore(41)]);
  });

  test('is left alone when another process has dropped it', async () => {
    await withClient(databaseUrl, async (client) => {
      await append(databaseUrl, uuidv7(), uuidv7(), 41);
      await sortIntoDays(client);
    });
    expect(await dropDue()).toEqual([dayBefore(41)]);
    expect(await maintaining(env, (other) => dropDay(other, dayBefore(41)))).toBeNull();
  });

  test('does not let a chain begin once more that its process goes on with', async () => {
    const [zone, writer] = [uuidv7(), uuidv7()];
    const appendOf = (days: number) =>
      withClient(databaseUrl, async (client) => {
        await append(databaseUrl, zone, writer, days);
        await sortIntoDays(client);
      });
    await appendOf(44);
    expect(await dropDue()).toEqual([dayBefore(44)]);
    await maintaining(env, (client) => client.query('SELECT ledger_maintain()'));
    await appendOf(43);
    expect((await verifyChains(databaseUrl)).faults).toEqual([]);
    expect(await dropDue()).toEqual([dayBefore(43)]);
    expect(
      await rows(
        databaseUrl,
        'SELECT first_seq::int, last_seq::int FROM audit_heads WHERE zone_id = $1 ORDER BY 1',
        [zone],
      ),
    ).toEqual([
      { first_seq: 1, last_seq: 1 },
      { first_seq: 2, last_seq: 2 },
    ]);
  });

  test('lets go of the heads of chains that ended long ago', async () => {
    const [zone, writer] = [uuidv7(), uuidv7()];
    await withClient(databaseUrl, async (client) => {
      await append(databaseUrl, zone, writer, 401);
      await sortIntoDays(client);
    });
    expect(await dropDue()).toEqual([dayBefore(401)]);
    await maintaining(env, (client) => client.query('SELECT ledger_maintain()'));
    expect(
      await rows(databaseUrl, 'SELECT 1 FROM audit_chains WHERE zone_id = $1', [zone]),
    ).toEqual([]);
  });

  test('stays for ever unless the setting says how long', async () => {
    await withClient(databaseUrl, async (client) => {
      await append(databaseUrl, uuidv7(), uuidv7(), 400);
      await sortIntoDays(client);
    });
    const forEver = { ...env.retention, auditDays: undefined };
    expect(await maintaining(env, (client) => dueDays(client, forEver))).toEqual([]);
    expect(await dropDue()).toEqual([dayBefore(400)]);
  });
});

describe('a replica', () => {
  /** Makes the day of a table so many days ago. */
  const makeDay = (table: string, days: number) => {
    const [from, to] = [idOfMidnight(days), idOfMidnight(days - 1)];
    const name = `${table}_${dayBefore(days).replaceAll('-', '')}`;
    return `CREATE TABLE ${name} PARTITION OF ${table} FOR VALUES FROM ('${from}') TO ('${to}');`;
  };
  const idOfMidnight = (days: number) =>
    `${Date.parse(`${dayBefore(days)}T00:00:00Z`)
      .toString(16)
      .padStart(12, '0')
      .replace(/^(.{8})(.{4})$/, '$1-$2')}-0000-0000-000000000000`;
  const daysOf = async (databaseUrl: string, table: string) => {
    const found = await rows<{ day: string }>(
      databaseUrl,
      `SELECT right(c.relname, 8) AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass($1) AND c.relname ~ '_[0-9]{8}$'`,
      [table],
    );
    const today = dayBefore(0).replaceAll('-', '');
    return found.map(({ day }) => day).filter((day) => day < today);
  };

  test('drops at its start what is older than its settings say', async () => {
    const databaseUrl = await createDatabase();
    await withClient(databaseUrl, async (client) => {
      for (const days of [40, 20, 5]) {
        for (const table of ['sessions', 'webhook_deliveries']) {
          // oxlint-disable-next-line no-await-in-loop
          await client.query(makeDay(table, days));
        }
        // oxlint-disable-next-line no-await-in-loop
        await append(databaseUrl, uuidv7(), uuidv7(), days);
      }
      await sortIntoDays(client);
    });
    const started = await startReplicaForTest({
      databaseUrl,
      env: {
        AUDIT_RETENTION_DAYS: '30',
        ENDED_RETENTION_DAYS: '10',
        DELIVERY_RETENTION_DAYS: '30',
      },
    });
    const short = (days: number) => dayBefore(days).replaceAll('-', '');
    await expect.poll(() => daysOf(databaseUrl, 'audit_events')).toEqual([short(20), short(5)]);
    expect(await daysOf(databaseUrl, 'sessions')).toEqual([short(5)]);
    expect(await daysOf(databaseUrl, 'webhook_deliveries')).toEqual([short(20), short(5)]);
    // The coordinator has counted none of the rows that workers have.
    if (DISTRIBUTED) return;
    const metrics = async () => (await fetch(`${started.url}/metrics`)).text();
    await expect.poll(metrics).toMatch(/^mandate_partition_rows\{table="audit_events"\} [12]$/m);
  });

  test('keeps what its settings keep when functions are made anew', async () => {
    const databaseUrl = await createDatabase();
    await withClient(databaseUrl, async (client) => {
      await client.query(makeDay('sessions', 20));
      await client.query(makeDay('webhook_deliveries', 50));
      await client.query(`UPDATE schema_functions SET sha256 = 'of another text'`);
    });
    const done = await migrate(databaseUrl, new StartPatience(60, () => {}));
    expect(done).toEqual([`function set ${FUNCTION_SET.version}`]);
    expect(await daysOf(databaseUrl, 'sessions')).toHaveLength(1);
    expect(await daysOf(databaseUrl, 'webhook_deliveries')).toHaveLength(1);
  });

  test('tells on the command line what would go, and lets it go', async () => {
    const databaseUrl = await createDatabase();
    await withClient(databaseUrl, async (client) => {
      await client.query(makeDay('sessions', 9));
      await append(databaseUrl, uuidv7(), uuidv7(), 40);
      await sortIntoDays(client);
      await insertZone(client, true);
    });
    const run = (...options: string[]) =>
      runCli(['prune', '--json', ...options], {
        DATABASE_URL: databaseUrl,
        KEY_ENCRYPTION_KEY,
        AUDIT_RETENTION_DAYS: '30',
      });
    const days = [
      { table: 'sessions', day: dayBefore(9), held_zones: 0 },
      { table: 'audit_events', day: dayBefore(40), held_zones: 1 },
    ];
    const plan = await run('--plan');
    expect(plan.code).toBe(0);
    expect(JSON.parse(plan.stdout)).toMatchObject({ dropped: false, days });
    expect(await daysOf(databaseUrl, 'sessions')).toHaveLength(1);
    expect(await daysOf(databaseUrl, 'audit_events')).toHaveLength(1);
    expect(JSON.parse((await run()).stdout)).toMatchObject({ dropped: true, days });
    expect(await daysOf(databaseUrl, 'sessions')).toEqual([]);
    expect(await daysOf(databaseUrl, 'audit_events')).toEqual([]);
    const [text, none] = [
      await runCli(['prune', '--plan'], { DATABASE_URL: databaseUrl, KEY_ENCRYPTION_KEY }),
      await run('--plan'),
    ];
    expect(text.stdout).toBe(
      'nothing is older than it has to be\nthe audit log is kept for ever: AUDIT_RETENTION_DAYS is not set\n',
    );
    expect(JSON.parse(none.stdout)).toEqual({ dropped: false, days: [] });
  });
});

describe('a zone on legal hold', () => {
  let replica: Replica;

  beforeAll(async () => {
    replica = await sharedReplica();
  });

  test('cannot be removed until it is released', async () => {
    const zone = await createTestZone(replica);
    const path = `/zones/${zone.zoneId}`;
    const held = await callAdmin(replica, 'PATCH', path, { legal_hold: true });
    expect(held).toMatchObject({ status: 200, body: { legal_hold: true } });
    expect((await zone.audit(held.requestId))[0]?.event).toMatchObject({
      type: 'admin.zone.changed',
      before: { legal_hold: false },
      after: { legal_hold: true },
    });
    const refused = await callAdmin(replica, 'DELETE', path);
    expect(refused).toMatchObject({ status: 409, body: { error: 'conflict' } });
    expect((await zone.session()).status).toBe(200);
    await callAdmin(replica, 'PATCH', path, { legal_hold: false });
    expect((await callAdmin(replica, 'DELETE', path)).status).toBe(204);
  });

  test.each([null, 'true', 1, []])('is not one for %j', async (legal_hold) => {
    const zone = await createTestZone(replica);
    const path = `/zones/${zone.zoneId}`;
    expect((await callAdmin(replica, 'PATCH', path, { legal_hold })).status).toBe(400);
  });
});

describe('how long a zone keeps its audit log', () => {
  test('is said when it is made, changed and taken back, with an audit event', async () => {
    const replica = await sharedReplica();
    const name = `kept-${uuidv7()}`;
    const made = await callAdmin(replica, 'POST', '/zones', { name, retention: 400 });
    expect(made).toMatchObject({ status: 201, body: { retention: 400 } });
    const path = `/zones/${String(made.body['id'])}`;
    expect((await callAdmin(replica, 'PATCH', path, { description: 'x' })).body).toMatchObject({
      retention: 400,
    });
    const longer = await callAdmin(replica, 'PATCH', path, { retention: 36_500 });
    expect(longer).toMatchObject({ status: 200, body: { retention: 36_500 } });
    const recorded = await auditOf(replica.databaseUrl, longer.requestId);
    expect(recorded).toMatchObject([
      {
        event: {
          type: 'admin.zone.changed',
          before: { retention: 400 },
          after: { retention: 36_500 },
        },
      },
    ]);
    const none = await callAdmin(replica, 'PATCH', path, { retention: null });
    expect(none.body).not.toHaveProperty('retention');
    for (const retention of [0, -1, 1.5, 36_501, '400', true, [400], { days: 400 }]) {
      // oxlint-disable-next-line no-await-in-loop
      const refused = await callAdmin(replica, 'PATCH', path, { retention });
      expect([retention, refused.status, refused.body['errors']]).toMatchObject([
        retention,
        400,
        [{ field: 'retention' }],
      ]);
    }
  });
});
