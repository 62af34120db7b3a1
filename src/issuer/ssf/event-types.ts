const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/';

/** A session has ended (OpenID CAEP 1.0 3.1). */
export const SESSION_REVOKED = `${CAEP}session-revoked`;
/** A receiver has asked whether events arrive (OpenID SSF 1.0 8.1.4.1). On every stream. */
export const VERIFICATION = `${SSF}verification`;
/** The transmitter has changed the status of a stream (OpenID SSF 1.0 8.1.5). On every stream. */
export const STREAM_UPDATED = `${SSF}stream-updated`;

/** All that was issued in an earlier generation of something is taken back. Of our own, and so in no name of others. */
export const AUTHORITY_REVOKED = 'urn:mandate:event:authority-revoked';

/** The types of event that happen in a zone, and that a receiver may ask for. */
export const EVENT_TYPES: readonly string[] = [SESSION_REVOKED, AUTHORITY_REVOKED];

/** What is put on a stream of those that its receiver has asked for; all if it has not said. */
export function deliveredOf(requested: readonly string[] | null): readonly string[] {
  return requested === null ? EVENT_TYPES : EVENT_TYPES.filter((one) => requested.includes(one));
}
