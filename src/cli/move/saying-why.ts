import { BrokenFile } from '../../admin/zone-moves/sealed-parts.js';
import { MoveRefused } from '../../admin/zone-moves/zone-states.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';

/** Does a step of a move. @throws {CommandFailure} with the exit code that fits, where it is not done */
export async function sayingWhy<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof MoveRefused) {
      throw new CommandFailure(EXIT.conflict, error.message, null, { cause: error });
    }
    if (error instanceof BrokenFile) {
      throw new CommandFailure(EXIT.invalid, error.message, null, { cause: error });
    }
    throw error;
  }
}
