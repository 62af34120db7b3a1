import { migrateByHand } from '../schema/migrate.js';
import { EXIT, type CommandResult } from './command-result.js';

/** `mandate migrate`: brings the database up to date before a new version starts, or distributes it as well. */
export async function migrateDatabase(options: {
  readonly distribute: boolean;
}): Promise<CommandResult> {
  const ran = await migrateByHand(options);
  const lines = ran.length === 0 ? ['nothing to do'] : ran.map((what) => `ran ${what}`);
  return { code: EXIT.done, lines, json: { ran } };
}
