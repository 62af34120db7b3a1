import { signEntry } from './stream-signature.js';

/** The key in Redis of the stream that Caracal's gateways read. */
export const REVOCATION_STREAM = 'caracal.sessions.revoke';

/** What has ended and is to be sent. */
export interface Revocation {
  readonly zoneId: string;
  /** UUIDv7; the same one when it is sent again. */
  readonly id: string;
  readonly kind: 'session' | 'agent_session' | 'delegation';
  /** The id of the session, agent session or delegation. */
  readonly endedId: string;
}

/** How gateways call its id: the name of the claim of mandates that they compare it with; for `session_id`, `sid` and `root_sid`. */
const MEMBERS = {
  session: 'session_id',
  agent_session: 'agent_session_id',
  delegation: 'delegation_edge_id',
} as const;

const REASONS = {
  session: 'session_ended',
  agent_session: 'agent_session_ended',
  delegation: 'delegation_revoked',
} as const;

/** The entry of the stream that tells gateways of it: ids and a word, nothing else. */
export function revocationEntry(
  { zoneId, id, kind, endedId }: Revocation,
  key: Buffer,
): Record<string, string> {
  return signEntry(key, REVOCATION_STREAM, {
    zone_id: zoneId,
    [MEMBERS[kind]]: endedId,
    reason: REASONS[kind],
    outbox_id: id,
  });
}
