import { expect } from 'vitest';
import { rows } from './databases.js';
import type { Load } from './load.js';
import type { TestZone } from './zone.js';

/** Fails unless each mandate that a client has received is on record, once, and no chain of the zone has a gap. */
export async function expectRecorded(
  databaseUrl: string,
  { zoneId }: Pick<TestZone, 'zoneId'>,
  { received }: Pick<Load, 'received'>,
): Promise<void> {
  const found = await rows<{ jti: string; times: string }>(
    databaseUrl,
    `SELECT jti, count(*) AS times FROM audit_events WHERE zone_id = $1 AND jti IS NOT NULL GROUP BY jti`,
    [zoneId],
  );
  const times = new Map(found.map((row) => [row.jti, Number(row.times)]));
  expect(new Set(received).size).toBe(received.length);
  expect(received.filter((jti) => times.get(jti) !== 1)).toEqual([]);
  const gaps = await rows(
    databaseUrl,
    `SELECT zone_id, writer FROM audit_events WHERE zone_id = $1
      GROUP BY zone_id, writer HAVING count(*) <> max(seq) OR min(seq) <> 1`,
    [zoneId],
  );
  expect(gaps).toEqual([]);
}
