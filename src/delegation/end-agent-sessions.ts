const OPEN_OF_CLIENT = `a.zone_id = $1 AND a.client_id = $2 AND a.ended_at IS NULL AND a.expires_at > clock_timestamp()`;

/**
 * Ends the agent sessions below one. They are dead with it as it is; marked, they do not count among those
 * that their client may have alive, and that is also why there are never many.
 *
 * Parameters: the zone, the client that it and all below it are of, its id.
 */
export const END_BELOW_AGENT_SESSION = `
  UPDATE agent_sessions a SET ended_at = clock_timestamp() WHERE ${OPEN_OF_CLIENT} AND a.path @> ARRAY[$3::uuid]`;
