import { migrateByHand } from '../schema/migrate.js';
import { EXIT, type Outcome } from './outcome.js';

/** `mandate migrate`: brings the database up to date before a new version starts. */
export async function migrateDatabase(): Promise<Outcome> {
  const ran = await migrateByHand();
  const lines = ran.length === 0 ? ['nothing to do'] : ran.map((what) => `ran ${what}`);
  return { code: EXIT.done, lines, json: { ran } };
}
