import type { EndpointCaller } from '../../authentication/endpoint-callers.service.js';
import { takenBack } from '../../mandates/taken-back.js';
import { InvalidToken } from '../../mandates/invalid-token.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { verifyParsedMandate, type SignatureCheck } from '../../mandates/verify-mandate.js';
import { MalformedToken, type JwsContent } from '../../oauth/compact-jws.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { issuersAt } from '../../zones/zone-issuer.js';
import type { Liveness } from './live-mandates.service.js';
import { addressedIn, knownTargets } from './who-may-know.js';

/** A mandate that its caller may know of. Whether it is live the database says. */
export interface Found {
  readonly claims: MandateClaims;
  /** The targets that the caller may know of. */
  readonly known: readonly string[];
}

/**
 * Why a token is not active, for figures and for the audit log: it is no token, no mandate of the zone, none of the
 * caller's business, withheld by policy, or it does not hold any more.
 */
export type InactiveReason =
  | 'malformed'
  | 'not_a_mandate'
  | 'not_yours'
  | 'forbidden'
  | 'issuer_gone'
  | Exclude<Liveness, 'live'>;

/**
 * Looks at a token as far as that takes neither database nor policy. What is none of the caller's business by its own
 * words is not verified: no stranger has signatures checked.
 *
 * @param now milliseconds since the epoch
 */
export async function lookAt(
  token: string,
  { zone, client, by }: Pick<EndpointCaller, 'zone' | 'client' | 'by'>,
  now: number,
  verified: SignatureCheck,
): Promise<Found | InactiveReason> {
  const jws = parse(token, verified);
  if (jws === null) return 'malformed';
  const asking = { clientId: client.id, isGateway: by === 'gateway' };
  const addressed = addressedIn(jws.claims);
  if (addressed === null || jws.claims['zone_id'] !== zone.zoneId) return 'not_a_mandate';
  if (knownTargets(addressed, asking, zone.resources).length === 0) return 'not_yours';
  try {
    const claims = await verifyParsedMandate(token, jws, {
      ...issuersAt(zone, now),
      zoneId: zone.zoneId,
      now: now / 1_000,
      findKey: (kid) => zone.keys.findKey(kid, now),
      verified,
    });
    if (claims.subIss !== undefined && !zone.issuers.has(claims.subIss)) return 'issuer_gone';
    if (isTakenBack(claims, zone)) return 'taken_back';
    const known = knownTargets(claims, asking, zone.resources);
    return known.length === 0 ? 'not_yours' : { claims, known };
  } catch (error) {
    if (!(error instanceof InvalidToken)) throw error;
    return error.reason === 'expired' ? 'expired' : 'not_a_mandate';
  }
}

/** Whether something that is among the settings of the zone was taken back. Clients and subjects the database looks at. */
export function isTakenBack(claims: MandateClaims, zone: ZoneSnapshot): boolean {
  const obstacle = takenBack(claims, {
    zone: zone.generation,
    ofClient: () => null,
    ofIssuer: (issuer) => zone.issuers.get(issuer)?.generation ?? null,
    ofResource: (identifier) => zone.resources.get(identifier)?.generation ?? null,
    isWithdrawn: (policy) => zone.withdrawnPolicies.has(policy),
  });
  return obstacle !== null;
}

function parse(token: string, by: Pick<SignatureCheck, 'parse'>): JwsContent | null {
  try {
    return by.parse(token);
  } catch (error) {
    if (error instanceof MalformedToken) return null;
    throw error;
  }
}
