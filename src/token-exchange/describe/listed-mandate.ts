import type { Entry } from '../../ledger/entry.js';
import { generationsSaid, subjectOf } from '../../mandates/taken-back.js';
import type { Minted } from '../stages/mint.js';

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
