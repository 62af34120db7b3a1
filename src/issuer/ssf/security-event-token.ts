import { isJsonObject, type JsonObject } from '../../oauth/strict-json.js';
import { SET_TYP } from '../../oauth/vocabulary.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';

/** An event on a stream. */
export interface HeldEvent {
  /** The place in the stream. */
  readonly seq: string;
  readonly jti: string;
  /** What it is about: the same for all streams that are told of it. */
  readonly txn: string;
  readonly type: string;
  /** A `null` for `iss` is the issuer of the zone. */
  readonly subId: JsonObject;
  readonly event: JsonObject;
  /** Seconds since the epoch. */
  readonly at: number;
}

/** The stream that an event is on, as far as its token says so. */
export interface EventAudience {
  readonly clientId: string;
}

/**
 * Signs an event as a Security Event Token (RFC 8417 2, OpenID SSF 1.0 4.1) with the zone's key. It has the `typ` of no
 * mandate, neither `exp` nor `sub` nor `use`, and an audience that is no resource: nobody can take it for one. The same event
 * has the same claims whenever it is signed.
 *
 * @param now milliseconds since the epoch
 * @throws {NoSigningKey}
 */
export async function signEvent(
  zone: Pick<ZoneSnapshot, 'issuer' | 'keys'>,
  { clientId }: EventAudience,
  { jti, txn, type, subId, event, at }: HeldEvent,
  now: number,
): Promise<string> {
  const claims = {
    iss: zone.issuer,
    aud: clientId,
    iat: Math.floor(at),
    jti,
    txn,
    sub_id: withIssuer(subId, zone.issuer),
    events: { [type]: event },
  };
  return (await zone.keys.sign(claims, [], now, SET_TYP)).token;
}

/** A subject in which whoever has no issuer of its own gets the zone's. */
function withIssuer(subject: JsonObject, issuer: string): JsonObject {
  return Object.fromEntries(
    Object.entries(subject).map(([name, value]) => [
      name,
      name === 'iss' && value === null
        ? issuer
        : isJsonObject(value)
          ? withIssuer(value, issuer)
          : value,
    ]),
  );
}

/** The same subject as it is stored: of the zone's own issuer without its name, which may change, in a complex one as well. */
export function withoutIssuer(subject: JsonObject, issuers: readonly string[]): JsonObject {
  const { format, iss } = subject;
  if (format === 'complex') {
    return Object.fromEntries(
      Object.entries(subject).map(([name, member]) => [
        name,
        isJsonObject(member) ? withoutIssuer(member, issuers) : member,
      ]),
    );
  }
  const ours = format === 'iss_sub' && typeof iss === 'string' && issuers.includes(iss);
  return ours ? { ...subject, iss: null } : subject;
}
