import { describe, expect, test } from 'vitest';
import { CITUS_URL, ON_CITUS } from '../setup/citus.js';
import { createDatabase, rows, startReplicaForTest } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone } from '../setup/zone.js';

describe.skipIf(CITUS_URL === undefined)(`tables of others ${ON_CITUS}`, () => {
  test('at the coordinator are left alone, and a replica starts', async () => {
    const databaseUrl = await createDatabase();
    // As a day that was taken out to be kept elsewhere, or whatever an operator has beside ours.
    await rows(databaseUrl, 'CREATE TABLE audit_events_20200101 (taken text)');
    const replica = await startReplicaForTest({ databaseUrl });
    const zone = await createTestZone(replica);
    expect((await persistently(() => zone.session())).status).toBe(200);
    expect(
      await rows(
        databaseUrl,
        `SELECT FROM pg_dist_partition WHERE logicalrelid = 'audit_events_20200101'::regclass`,
      ),
    ).toEqual([]);
  });
});
