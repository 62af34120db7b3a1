import { createTestZone, type TestZone } from './zone.js';
import { databaseOf } from './zone-database.js';

/** Makes zones whose tables are where those of another one are, and who share the connections to there with it. */
export async function createZonesBeside(zone: TestZone, count: number): Promise<TestZone[]> {
  const { replica, zoneId } = zone;
  const home = await databaseOf(replica.databaseUrl, zoneId);
  const beside: TestZone[] = [];
  while (beside.length < count) {
    // oxlint-disable-next-line no-await-in-loop
    const made = await createTestZone(replica);
    // oxlint-disable-next-line no-await-in-loop
    if ((await databaseOf(replica.databaseUrl, made.zoneId)) === home) beside.push(made);
  }
  return beside;
}
