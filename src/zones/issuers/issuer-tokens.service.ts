import { Inject, Injectable } from '@nestjs/common';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { MalformedToken, parseCompactJws } from '../../oauth/compact-jws.js';
import { VerifiedSignatures } from '../../platform/verified-signatures.js';
import { PublicKeys } from './public-keys.service.js';
import type { TrustedIssuer } from './trusted-issuer.js';
import { UntrustedToken } from './untrusted-token.js';
import {
  verifySubjectToken,
  type IssuerSubject,
  type SubjectTokenRules,
} from './verify-issuer-token.js';

/** A subject token of a trusted issuer that a client presents in a zone. */
export interface IssuerTokenAttempt extends Omit<SubjectTokenRules, 'keys' | 'verified'> {
  readonly token: string;
  readonly zoneId: string;
  /** The trusted issuers of the zone, by `iss`. */
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
}

/** Verifies tokens of a zone's trusted issuers. */
@Injectable()
export class IssuerTokens {
  constructor(
    private readonly verified: VerifiedSignatures,
    private readonly keys: PublicKeys,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * Verifies a subject token.
   *
   * @returns `null` if its `iss` is not a trusted issuer
   * @throws {UntrustedToken}
   * @throws {KeysUnavailable}
   */
  async verify(attempt: IssuerTokenAttempt): Promise<IssuerSubject | null> {
    const { token, zoneId, issuers } = attempt;
    const name = issuerNamedIn(token);
    // Tokens of our own issuer are mandates, verified elsewhere, even if an issuer was registered under that name.
    const issuer = name === null || name === this.env.issuerUrl ? undefined : issuers.get(name);
    if (issuer === undefined) return null;
    const keys = this.keys.of(zoneId, issuer);
    if (keys === null) throw new UntrustedToken('unknown_issuer');
    return verifySubjectToken(token, issuer, { ...attempt, keys, verified: this.verified });
  }
}

/** The unverified `iss` of a token: it only selects the keys to verify with. */
function issuerNamedIn(token: string): string | null {
  try {
    const { iss } = parseCompactJws(token).claims;
    return typeof iss === 'string' ? iss : null;
  } catch (error) {
    if (error instanceof MalformedToken) return null;
    throw error;
  }
}
