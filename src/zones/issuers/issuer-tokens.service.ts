import { Injectable } from '@nestjs/common';
import { MalformedToken, parseCompactJws } from '../../oauth/compact-jws.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import { isSubjectIdentifier } from '../../oauth/subject-identifier.js';
import { VerifiedSignatures } from '../../platform/verified-signatures.js';
import { isOwnIssuer, type AcceptedIssuers } from '../zone-issuer.js';
import { PublicKeys } from './public-keys.service.js';
import { claimAt, type TrustedIssuer } from './trusted-issuer.js';
import { UntrustedToken } from './untrusted-token.js';
import {
  verifySubjectToken,
  type IssuerSubject,
  type SubjectTokenRules,
} from './verify-subject-token.js';
import { verifyFederatedToken, type Workload } from './verify-workload-token.js';

/** A subject token of a trusted issuer that a client presents in a zone. */
export interface IssuerTokenAttempt extends Omit<SubjectTokenRules, 'keys' | 'verified'> {
  readonly token: string;
  readonly zoneId: string;
  /** The trusted issuers of the zone, by `iss`. */
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
  /** The issuers that the zone goes by itself. */
  readonly ours: AcceptedIssuers;
}

/** A token of a workload that is presented in a zone, without any other credentials. */
export type WorkloadTokenAttempt = Pick<
  IssuerTokenAttempt,
  'token' | 'zoneId' | 'issuers' | 'ours' | 'now'
>;

/** Verifies tokens of a zone's trusted issuers. */
@Injectable()
export class IssuerTokens {
  constructor(
    private readonly verified: VerifiedSignatures,
    private readonly keys: PublicKeys,
  ) {}

  /**
   * Verifies a subject token.
   *
   * @returns `null` if its `iss` is not a trusted issuer
   * @throws {UntrustedToken}
   * @throws {KeysUnavailable}
   */
  async verify(attempt: IssuerTokenAttempt): Promise<IssuerSubject | null> {
    const { token, zoneId } = attempt;
    const issuer = issuerOf(attempt);
    if (issuer === null) return null;
    const keys = this.keys.of(zoneId, issuer);
    if (keys === null) throw new UntrustedToken('unknown_issuer');
    return verifySubjectToken(token, issuer, { ...attempt, keys, verified: this.verified });
  }

  /**
   * Verifies the token of a workload, and finds the issuer that has made it.
   *
   * @throws {UntrustedToken}
   * @throws {KeysUnavailable}
   */
  async verifyWorkload(
    attempt: WorkloadTokenAttempt,
  ): Promise<{ readonly workload: Workload; readonly issuer: TrustedIssuer }> {
    const { token, zoneId, now } = attempt;
    const issuer = issuerOf(attempt);
    const keys = issuer === null ? null : this.keys.of(zoneId, issuer);
    if (issuer === null || keys === null) throw new UntrustedToken('unknown_issuer');
    const rules = { keys, now, verified: this.verified };
    return { workload: await verifyFederatedToken(token, issuer, rules), issuer };
  }
}

/** The trusted issuer that a token names. Nothing is verified by that. */
function issuerOf({
  token,
  issuers,
  ours,
}: Pick<WorkloadTokenAttempt, 'token' | 'issuers' | 'ours'>): TrustedIssuer | null {
  const name = issuerNamedIn(token);
  // Tokens of the zone's own issuer are mandates, verified elsewhere, even if an issuer was registered under that name.
  if (name === null || isOwnIssuer(ours, name)) return null;
  return issuers.get(name) ?? null;
}

/**
 * The workload that a token names, of which nothing is verified, for the audit event of a refusal.
 *
 * @returns `null` if its issuer is not trusted; without a subject if it has none that can be recorded
 */
export function workloadNamedIn(
  token: string,
  issuers: ReadonlyMap<string, TrustedIssuer>,
): { readonly issuer: string; readonly subject?: string } | null {
  const claims = claimsOf(token);
  const { iss } = claims ?? {};
  const trusted = typeof iss === 'string' ? issuers.get(iss) : undefined;
  if (claims === null || trusted === undefined) return null;
  const subject = claimAt(claims, trusted.subjectClaim);
  return { issuer: trusted.issuer, ...(isSubjectIdentifier(subject) ? { subject } : {}) };
}

/** The unverified `iss` of a token: it only selects the keys to verify with. */
function issuerNamedIn(token: string): string | null {
  const { iss } = claimsOf(token) ?? {};
  return typeof iss === 'string' ? iss : null;
}

/** The claims of a token, not verified. */
function claimsOf(token: string): JsonObject | null {
  try {
    return parseCompactJws(token).claims;
  } catch (error) {
    if (error instanceof MalformedToken) return null;
    throw error;
  }
}
