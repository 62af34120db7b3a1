import { rows } from './harness.js';
import { until } from './process.js';

/**
 * Makes the coming days and drops those that are over, as servers do now and then. Beside a server that takes tables in
 * another order it may be given up, for which servers try again with the next maintenance, and this does so at once.
 */
export async function maintain(databaseUrl: string, daysAhead = 7): Promise<void> {
  await until(() => rows(databaseUrl, 'SELECT ledger_maintain($1)', [daysAhead]));
}
