import { unprocessable } from '../field-refusals.js';
import { isSaid } from './said.js';

/**
 * Checks that a body names what its path names, if it names it.
 *
 * @param names what it may be called
 * @throws {UnprocessableEntityException} else
 */
export function checkSame(
  field: string,
  value: string | null | undefined,
  names: readonly string[],
): void {
  if (!isSaid(value) || names.includes(value)) return;
  throw unprocessable(field, 'mismatch', 'it is another than that of the path');
}
