import { createHash } from 'node:crypto';
import type { ConfirmationStep } from '../confirmation-method.js';

/** The relying party: what passkeys are made for and used by (Web Authentication 5.1.2). */
export interface RelyingParty {
  readonly id: string;
  readonly origin: string;
}

/** The relying party that we are. @param issuerUrl `ISSUER_URL`, where people find us */
export function relyingPartyAt(issuerUrl: string): RelyingParty {
  const { hostname, origin } = new URL(issuerUrl);
  return { id: hostname, origin };
}

/** The algorithms of passkeys: ES256, EdDSA, RS256 (IANA COSE Algorithms). */
export const PASSKEY_ALGORITHMS = [-7, -8, -257];

const VERBS = { show: 'show', decide: 'confirm' } as const;

/**
 * The nonce that a passkey signs to confirm a challenge, or to see what it is about. It is made of the challenge
 * and its binding, so that the signature is about this very request; it is good once since each person decides
 * once. What is signed to see a request confirms nothing.
 *
 * @param binding hex
 */
export function confirmationNonce(
  step: ConfirmationStep,
  challengeId: string,
  binding: string,
): Buffer {
  return createHash('sha256').update(`mandate ${VERBS[step]} ${challengeId} ${binding}`).digest();
}

/** The nonce that a new passkey signs: made of the link, which is secret and good once. */
export function enrolmentNonce(token: string): Buffer {
  return createHash('sha256').update(`mandate enrol ${token}`).digest();
}
