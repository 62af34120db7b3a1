import { rows, withClient } from './harness.js';
import { databaseOf, idInEach, tableOf } from './zone-database.js';

/** Has the commits of exchanges in a database be paused, zone by zone, at their event: when everything has been checked. */
export async function makePausable(databaseUrl: string): Promise<void> {
  for (const id of await idInEach(databaseUrl)) {
    // oxlint-disable-next-line no-await-in-loop
    const events = await tableOf(databaseUrl, id, 'audit_events');
    // oxlint-disable-next-line no-await-in-loop
    await withClient(await databaseOf(databaseUrl, id), (client) =>
      client.query(
        `SET citus.enable_ddl_propagation = off;
         CREATE TABLE paused (zone_id uuid PRIMARY KEY);
         CREATE SEQUENCE reached;
         CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.type = 'token_exchange' AND EXISTS (SELECT FROM paused WHERE zone_id = NEW.zone_id) THEN
             PERFORM nextval('reached');
             WHILE EXISTS (SELECT FROM paused WHERE zone_id = NEW.zone_id) LOOP PERFORM pg_sleep(0.005); END LOOP;
           END IF;
           RETURN NULL;
         END $$;
         CREATE TRIGGER pause AFTER INSERT ON ${events} FOR EACH ROW EXECUTE FUNCTION pause()`,
      ),
    );
  }
}

/** Pauses the commits of a zone from now on. */
export async function pause(databaseUrl: string, zoneId: string): Promise<void> {
  await rows(databaseUrl, 'INSERT INTO paused VALUES ($1)', [zoneId]);
}

/** How many commits have been paused so far. */
export async function pausedSoFar(databaseUrl: string): Promise<number> {
  let sum = 0;
  for (const id of await idInEach(databaseUrl)) {
    // oxlint-disable-next-line no-await-in-loop
    const [row] = await rows<{ n: number }>(
      // oxlint-disable-next-line no-await-in-loop
      await databaseOf(databaseUrl, id),
      'SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS n FROM reached',
    );
    sum += Number(row?.n);
  }
  return sum;
}

/** Lets the commits of a zone go on. */
export async function resume(databaseUrl: string, zoneId: string): Promise<void> {
  await rows(databaseUrl, 'DELETE FROM paused WHERE zone_id = $1', [zoneId]);
}
