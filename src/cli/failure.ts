import type { EXIT } from './command-result.js';

/** Why a command ends without being done, in words for operators, and with which exit code. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';

  /**
   * @param code one of {@link EXIT}
   * @param message what is the matter, on one line
   * @param hint what to do about it
   */
  constructor(
    readonly code: (typeof EXIT)[keyof typeof EXIT],
    message: string,
    readonly hint: string | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
