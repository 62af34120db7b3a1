import { maintenanceSteps } from '../../src/ledger/maintenance-connection.js';
import { rows, withClient } from './harness.js';
import { until } from './process.js';

/**
 * Makes the coming days and drops those that are over, as servers do now and then. Beside a server that takes tables in
 * another order a step may be given up, for which servers try again with the next maintenance, and this does so at once.
 */
export async function maintain(databaseUrl: string, daysAhead = 7): Promise<void> {
  await until(async () => {
    const steps = await withClient(databaseUrl, (client) => maintenanceSteps(client, daysAhead));
    // oxlint-disable-next-line no-await-in-loop
    for (const { sql, values } of steps) await rows(databaseUrl, sql, values);
    return true;
  });
}
