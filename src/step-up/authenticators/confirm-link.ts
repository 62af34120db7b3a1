import { createHash, timingSafeEqual } from 'node:crypto';
import type { StepUpTerms } from '../../zones/step-up-terms.js';
import { confirmationMethodsFor } from '../decision-methods.js';
import { linkTo } from './link.js';

/**
 * The secret with which the confirmation page shows what a challenge is about. It is made of the stored hash of a
 * secret that redeems the challenge: so nothing more is stored, and its holder can redeem nothing.
 *
 * @param secretDigest SHA-256 of the challenge secret
 */
export function pageSecret(secretDigest: Buffer): string {
  return createHash('sha256')
    .update('mandate confirm page ')
    .update(secretDigest)
    .digest('base64url');
}

/** Whether a secret is that of one of the stored hashes. */
export function isPageSecret(secret: string, secretDigests: readonly Buffer[]): boolean {
  const given = hash(secret);
  return secretDigests.some((digest) => timingSafeEqual(hash(pageSecret(digest)), given));
}

/**
 * The link to the page on which the subject confirms a challenge, for the client to give to that person.
 *
 * @param secretDigest hex SHA-256 of the challenge secret
 * @returns `null` if challenges on these terms are not confirmed there
 */
export function confirmUri(
  issuerUrl: string,
  challengeId: string,
  terms: StepUpTerms,
  secretDigest: string,
): string | null {
  if (confirmationMethodsFor(terms).length === 0) return null;
  const secret = pageSecret(Buffer.from(secretDigest, 'hex'));
  return linkTo(issuerUrl, `/step-up/${challengeId}/confirm`, secret);
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
