import { v7 as uuidv7 } from 'uuid';
import { afterAll, expect, test } from 'vitest';
import { dropDay, maintaining } from '../../src/ledger/maintenance-connection.js';
import { timeLimits } from '../../src/platform/config/time-limits.js';
import { verifyChains } from '../setup/chain.js';
import { rows, startReplica, withClient } from '../setup/harness.js';
import { isSettled } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { killProcesses, until } from '../setup/process.js';
import { createTestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

afterAll(killProcesses);

const DAYS = 40;
const day = new Date(Date.now() - DAYS * 86_400_000).toISOString().slice(0, 10);
const partition = `audit_events_${day.replaceAll('-', '')}`;

/** What takes long of a day that goes waits here, as it does where the day is large. */
const SLOW = `
  ALTER FUNCTION audit_keep_heads(text, date, uuid[]) RENAME TO audit_keep_heads_at_once;
  CREATE FUNCTION audit_keep_heads(p_partition text, p_day date, p_held uuid[]) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE
    kept bigint;
  BEGIN
    kept := audit_keep_heads_at_once(p_partition, p_day, p_held);
    PERFORM set_config('lock_timeout', '0', true), pg_advisory_xact_lock(4711);
    PERFORM set_config('lock_timeout', '300ms', true);
    RETURN kept;
  END $$`;

/** What the transaction that waits there has locked, beyond what reading takes. */
const LOCKED = `
  SELECT ARRAY(SELECT DISTINCT l.relation::regclass::text FROM pg_locks l
                WHERE l.pid = w.pid AND l.granted AND l.relation IS NOT NULL
                  AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') ORDER BY 1) AS locked
    FROM pg_locks w
   WHERE w.locktype = 'advisory' AND w.objid = 4711 AND NOT w.granted
     AND w.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

test('a day of the audit log that goes takes nothing that exchanges need, as long as there is something to be done', async () => {
  const replica = await startReplica({ env: { CHECKPOINT_SECONDS: '1' } });
  const { databaseUrl } = replica;
  const zone = await createTestZone(replica);
  await withClient(databaseUrl, async (client) => {
    const id = uuidv7({ msecs: Date.parse(`${day}T12:00:00Z`) });
    const event = JSON.stringify({ type: 'test', outcome: 'done', request_id: uuidv7() });
    const chain = [uuidv7(), uuidv7()];
    const home = await databaseOf(databaseUrl, String(chain[0]));
    await rows(home, 'SELECT audit_append($1, $2, $3, $4)', [...chain, id, event]);
    await client.query(`SELECT ledger_clear_default_partition('audit_events')`);
    await until(async () => {
      const [asked] = await rows<{ sealed: boolean }>(
        home,
        'SELECT evidence_has($1, $2, 1) AS sealed',
        chain,
      );
      return asked?.sealed;
    });
    await client.query(SLOW);
    await client.query('SELECT pg_advisory_lock(4711)');
    const retention = { auditDays: 30, endedDays: 2, deliveryDays: 30 };
    const drop = () =>
      maintaining({ databaseUrl, limits: timeLimits(), retention }, (other) => dropDay(other, day));
    const attempt = () => drop().catch((error: unknown) => error);
    let dropping = attempt();
    // The day itself, to which nothing is added any more, and what is kept of it.
    const locked = await until(async () => {
      const [waiting] = await rows<{ locked: string[] }>(databaseUrl, LOCKED);
      if (waiting !== undefined) return waiting.locked;
      // Where who fills the index reads that day for too long, it is given up before it comes there.
      if (await isSettled(dropping)) dropping = attempt();
      return null;
    });
    expect(locked).toContain(partition);
    expect(locked.filter((name) => name !== partition && !name.startsWith('audit_heads'))).toEqual(
      [],
    );
    // All of these are recorded while it is at it.
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => persistently(() => zone.exchange())),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect((await rows(databaseUrl, LOCKED)).length).toBe(1);
    await client.query('SELECT pg_advisory_unlock(4711)');
    // The log as a whole is taken for the moment in which the partition goes; where it is in use, that is given up, and
    // tried again with the next maintenance.
    const end = await dropping;
    if (end instanceof Error) expect(end).toMatchObject({ code: '55P03' });
    await expect
      .poll(async () => {
        await drop().catch(() => {});
        return rows(databaseUrl, `SELECT to_regclass('${partition}') AS there`);
      })
      .toEqual([{ there: null }]);
  });
  expect((await persistently(() => zone.exchange())).status).toBe(200);
  expect((await verifyChains(databaseUrl)).faults).toEqual([]);
  await replica.stop();
});
