import type { Entry } from '../../ledger/entry.js';
import type { DrawnIndex } from '../../ledger/status-lists/status-blocks.service.js';
import { generationsSaid, subjectOf } from '../../mandates/taken-back.js';
import { orUnavailable } from '../../oauth/errors.js';
import type { Cleared } from './clearance.js';
import type { Minted } from './mint.js';

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

/** What is stored of a mandate whose status a list tells: all that may take it back. */
export function listedMandate({ listed, claims, mandate }: Minted): Pick<Entry, 'listed'> {
  if (listed === null) return {};
  const { agent_session_id: agentSessionId, delegation_edge_id: edgeId } = claims.raw;
  const subject = subjectOf(claims);
  const said = Object.entries(generationsSaid(claims)).filter(([name]) => name !== 'subject');
  return {
    listed: {
      exp_hour: listed.hour,
      list: listed.list,
      idx: listed.idx,
      expires_at: claims.exp,
      jti: claims.jti,
      ancestors: claims.ancestors,
      sid: claims.sid,
      root_sid: claims.rootSid,
      ...(typeof agentSessionId === 'string' ? { agent_session_id: agentSessionId } : {}),
      ...(typeof edgeId === 'string' ? { edge_id: edgeId } : {}),
      ...(subject === null ? {} : { subject_key: subject.key, subject_gen: subject.generation }),
      said: Object.fromEntries(said),
      kid: mandate.kid,
    },
  };
}
