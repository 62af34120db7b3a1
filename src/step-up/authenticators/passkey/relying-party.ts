import { createHash } from 'node:crypto';

/** What passkeys are made for and asked by (Web Authentication 5.1.2). */
export interface RelyingParty {
  readonly id: string;
  readonly origin: string;
}

/** @param issuerUrl where people find us */
export function relyingPartyAt(issuerUrl: string): RelyingParty {
  const { hostname, origin } = new URL(issuerUrl);
  return { id: hostname, origin };
}

/** Of passkeys: ES256, EdDSA, RS256 (IANA COSE Algorithms). */
export const PASSKEY_ALGORITHMS = [-7, -8, -257];

/**
 * What a passkey signs to confirm a challenge. It is made of the challenge and its binding, so that the
 * signature is about this very request; that it is good once follows from each person having one say.
 *
 * @param binding hex
 */
export function confirmationNonce(challengeId: string, binding: string): Buffer {
  return createHash('sha256').update(`mandate confirm ${challengeId} ${binding}`).digest();
}

/** What a new passkey signs: made of the link, which nobody else has and which is good once. */
export function enrolmentNonce(token: string): Buffer {
  return createHash('sha256').update(`mandate enrol ${token}`).digest();
}
