import type { DrawnIndex } from '../../ledger/status-lists/status-blocks.service.js';
import { orUnavailable } from '../../oauth/errors.js';
import type { Cleared } from './clearance.js';

/** Draws indices of status lists. */
export interface StatusIndices {
  /**
   * @param base where the zone is, without a trailing slash
   * @param exp when the mandate expires, in seconds since the epoch
   */
  draw(zoneId: string, base: string, exp: number): Promise<DrawnIndex>;
}

/**
 * Draws an index for a mandate whose status a list is to tell: one for a resource that asks for that, also where others
 * that it is for do not.
 *
 * @param exp when the mandate expires, in seconds since the epoch
 * @returns `null` if no list tells its status
 * @throws {OAuthError} temporarily_unavailable
 */
export async function drawIndex(
  { principals, granted, caller }: Cleared,
  indices: StatusIndices,
  exp: number,
): Promise<DrawnIndex | null> {
  const asked = granted.resources.some(({ revocation }) => revocation === 'status_list');
  if (principals.use === 'session' || !asked) return null;
  const { zoneId, zoneUrl } = caller.zone;
  return orUnavailable('status list', indices.draw(zoneId, zoneUrl, exp));
}
