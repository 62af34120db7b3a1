import { isScopeClaim } from '../../mandates/scope-claims.js';
import { unprocessable } from '../field-refusals.js';

/**
 * The claims that a scope is to let into mandates, each once, in order.
 *
 * @param wanted `null` for none
 * @returns `undefined` if nothing is said of them
 * @throws {UnprocessableEntityException} for one that is no name of an attribute, by its place
 */
export function readScopeClaims(
  wanted: readonly string[] | null | undefined,
): string[] | undefined {
  if (wanted === undefined) return undefined;
  const claims = wanted ?? [];
  const wrong = claims.findIndex((name) => !isScopeClaim(name));
  if (wrong !== -1) {
    throw unprocessable(
      `claims[${wrong}]`,
      'unsupported',
      'is no name of an attribute of a user, or one that says something of the token itself',
    );
  }
  return [...new Set(claims)].toSorted();
}
