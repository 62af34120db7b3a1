import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditOf, rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** A database that is waited for longer than any request. */
const LIMITS = { DATABASE_TIMEOUT_MS: '30000', REQUEST_TIMEOUT_MS: '1000' };

let replica: Replica;
let zone: TestZone;

const sql = (text: string, values: unknown[] = []) =>
  rows<{ reached: boolean }>(replica.databaseUrl, text, values);

beforeAll(async () => {
  replica = await startReplica({ env: LIMITS });
  zone = await createTestZone(replica);
  // A commit in a zone that is named stops at its event until the name is gone.
  await sql(`
    CREATE TABLE paused (zone_id uuid PRIMARY KEY);
    CREATE SEQUENCE reached;
    CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.type = 'token_exchange' AND EXISTS (SELECT FROM paused WHERE zone_id = NEW.zone_id) THEN
        PERFORM nextval('reached');
        WHILE EXISTS (SELECT FROM paused WHERE zone_id = NEW.zone_id) LOOP PERFORM pg_sleep(0.005); END LOOP;
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER pause AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION pause()`);
});

afterAll(() => replica?.stop());

test('what waits behind a commit that takes long is not committed for requests that were answered', async () => {
  const { body } = await persistently(() => zone.session());
  const ask = () => zone.exchange({ subject_token: String(body['access_token']) });
  expect((await persistently(ask)).status).toBe(200);
  await sql('INSERT INTO paused VALUES ($1)', [zone.zoneId]);
  // One holds up the others.
  await until(async () => {
    await ask();
    const [row] = await sql('SELECT is_called AS reached FROM reached');
    return row?.reached === true;
  });
  const late = await Promise.all(Array.from({ length: 3 }, ask));
  expect(late.map(({ status }) => status)).toEqual([503, 503, 503]);
  // As long again, so that they have waited for long enough, whenever they began to.
  expect((await ask()).status).toBe(503);
  await sql('DELETE FROM paused');
  // What comes after them is committed after them.
  expect((await persistently(ask)).status).toBe(200);
  const recorded = await Promise.all(
    late.map(({ requestId }) => auditOf(replica.databaseUrl, requestId)),
  );
  expect(recorded).toEqual([[], [], []]);
});
