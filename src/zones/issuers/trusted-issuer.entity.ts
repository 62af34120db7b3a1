import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import type { SigningAlg } from '../../oauth/algorithms.js';
import type { PublicJwks } from './jwks.js';
import type { ClaimConditions, IssuerTokenType } from './trusted-issuer.js';

/** An issuer whose tokens a zone accepts, beside its own mandates. */
@Entity('trusted_issuers')
export class TrustedIssuerRow {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  /** The `iss` of its tokens, exactly. */
  @Column('text')
  issuer: string;

  @Column('jsonb', { nullable: true })
  jwks: PublicJwks | null;

  @Column('text', { name: 'jwks_uri', nullable: true })
  jwksUri: string | null;

  /** The `aud`s that its subject tokens may have. */
  @Column('text', { array: true })
  audiences: string[];

  @Column('text', { array: true })
  algorithms: SigningAlg[];

  @Column('text', { name: 'token_types', array: true })
  tokenTypes: IssuerTokenType[];

  @Column('jsonb', { name: 'claim_conditions' })
  claimConditions: ClaimConditions;

  @Column('text', { name: 'subject_claim' })
  subjectClaim: string;

  @Column('text', { name: 'label_claims', array: true })
  labelClaims: string[];

  /** The clients that may present its tokens; empty for every client. */
  @Column('uuid', { name: 'allowed_client_ids', array: true })
  allowedClientIds: string[];

  @Column('integer', { name: 'max_age_seconds', nullable: true })
  maxAgeSeconds: number | null;

  /** Grows when all that was issued for its subjects is taken back. */
  @Column('integer')
  generation: number;

  /** Where its shared signals are fetched (RFC 8936); `null` where it pushes them, or has none. */
  @Column('text', { name: 'ssf_poll_url', nullable: true })
  ssfPollUrl: string | null;

  @Column('bytea', { name: 'sealed_ssf_poll_token', nullable: true })
  sealedSsfPollToken: Buffer | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  /** When operators changed it last; `null`: never. */
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz', nullable: true })
  updatedAt: Date | null;
}
