const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/';

/** A session has ended (OpenID CAEP 1.0 3.1). */
export const SESSION_REVOKED = `${CAEP}session-revoked`;
/** Claims of tokens of a user have changed (OpenID CAEP 1.0 3.2). Never sent: no mandate changes while it lives. */
export const TOKEN_CLAIMS_CHANGE = `${CAEP}token-claims-change`;
/** A step-up has changed how the user of a session was authenticated (OpenID CAEP 1.0 3.4). */
const ASSURANCE_LEVEL_CHANGE = `${CAEP}assurance-level-change`;
/** An authenticator of a person was registered or removed (OpenID CAEP 1.0 3.3). */
const CREDENTIAL_CHANGE = `${CAEP}credential-change`;
/** A receiver has asked whether events arrive (OpenID SSF 1.0 8.1.4.1). On every stream. */
export const VERIFICATION = `${SSF}verification`;
/** The transmitter has changed the status of a stream (OpenID SSF 1.0 8.1.5). On every stream. */
export const STREAM_UPDATED = `${SSF}stream-updated`;

/** All that was issued in an earlier generation of something is taken back. Of our own, and so in no name of others. */
const AUTHORITY_REVOKED = 'urn:mandate:event:authority-revoked';

/** The types of event that happen in a zone, and that a receiver may ask for. */
export const EVENT_TYPES: readonly string[] = [
  SESSION_REVOKED,
  CREDENTIAL_CHANGE,
  ASSURANCE_LEVEL_CHANGE,
  AUTHORITY_REVOKED,
];

/** What is put on a stream of those that its receiver has asked for; all if it has not said. */
export function deliveredOf(requested: readonly string[] | null): readonly string[] {
  return requested === null ? EVENT_TYPES : EVENT_TYPES.filter((one) => requested.includes(one));
}
