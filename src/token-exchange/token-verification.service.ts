import { Injectable } from '@nestjs/common';
import type { SignedMandate } from '../keys/signing/key-ring.js';
import type { MandateClaims } from '../mandates/mandate-claims.js';
import { readMinted, verifyMandate } from '../mandates/verify-mandate.js';
import { VerifiedSignatures } from '../platform/verified-signatures.js';
import { IssuerTokens, type IssuerTokenAttempt } from '../zones/issuers/issuer-tokens.service.js';
import type { IssuerSubject } from '../zones/issuers/verify-subject-token.js';
import {
  SubjectGenerations,
  type SubjectGeneration,
} from '../zones/subject-generations.service.js';
import type { ZoneSnapshot } from '../zones/snapshot/zone-snapshot.js';
import { issuersAt, type AcceptedIssuers } from '../zones/zone-issuer.js';

/** Verifies the tokens of one request: those of its zone, all at one moment. */
export interface TokenVerifier {
  /** The issuers of the zone: `iss` of what is minted, and the one before. */
  readonly issuers: AcceptedIssuers;
  /** @throws {InvalidToken} */
  mandate(token: string): Promise<MandateClaims>;
  /** The claims of a mandate that has just been signed. @throws {InvalidToken} */
  minted(mandate: SignedMandate): MandateClaims;
  /**
   * @returns `null` if no issuer that the zone trusts has made the token
   * @throws {UntrustedToken}
   * @throws {KeysUnavailable}
   */
  issuerToken(attempt: Omit<IssuerTokenAttempt, 'now' | 'ours'>): Promise<IssuerSubject | null>;
  /**
   * The generation of a user of a trusted issuer.
   *
   * @throws {OAuthError} temporarily_unavailable; the driver's error
   */
  subjectGeneration(issuer: string, subject: string): Promise<SubjectGeneration>;
}

/** Makes verifiers of mandates, and of the tokens of the issuers that a zone trusts. */
@Injectable()
export class TokenVerification {
  constructor(
    private readonly verified: VerifiedSignatures,
    private readonly issuerTokens: IssuerTokens,
    private readonly subjects: SubjectGenerations,
  ) {}

  /** @param now milliseconds since the epoch */
  at(zone: ZoneSnapshot, now: number): TokenVerifier {
    const issuers = issuersAt(zone, now);
    const expected = { zoneId: zone.zoneId, now: now / 1_000, ...issuers };
    return {
      issuers,
      mandate: (token) =>
        verifyMandate(token, {
          findKey: (kid) => zone.keys.findKey(kid, now),
          verified: this.verified,
          ...expected,
        }),
      subjectGeneration: (iss, subject) => this.subjects.find(zone, iss, subject),
      // What is minted is of the issuer of today.
      minted: (mandate) => readMinted(mandate, { ...expected, formerIssuer: null }),
      issuerToken: (attempt) =>
        this.issuerTokens.verify({ ...attempt, ours: issuers, now: now / 1_000 }),
    };
  }
}
