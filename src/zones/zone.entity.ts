import type { ZoneAlg } from '../oauth/algorithms.js';
import type { Away } from '../oauth/away.js';
import type { IssuerMode } from './zone-issuer.js';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** Which introspections of a zone are recorded: none, those whose answer was that it is not active, or all. */
export const INTROSPECTION_AUDITS = ['none', 'refused', 'all'] as const;

/** See {@link INTROSPECTION_AUDITS}. */
export type IntrospectionAudit = (typeof INTROSPECTION_AUDITS)[number];

/** A zone: a tenant with its own clients, resources, keys and policies, isolated from all others. */
@Entity('zones')
export class Zone {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  /** The organisation, as people know it whom its pages ask to confirm something; `null` where that was not said. */
  @Column('text', { name: 'display_name', nullable: true })
  displayName: string | null;

  /** SHA-256 of its logo in base64url, which is in a table of its own; `null` for none. */
  @Column('text', { name: 'logo_digest', nullable: true })
  logoDigest: string | null;

  /**
   * The languages of its pages for people as they were given, the preferred one first; `null` where that was not said. What
   * of them there are texts in is for `languages.ts` to say.
   */
  @Column('text', { array: true, nullable: true })
  languages: string[] | null;

  /** What it is for, in words of operators for operators. */
  @Column('text', { nullable: true })
  description: string | null;

  /** Whether it cannot be removed until this is taken back. */
  @Column('boolean', { default: false })
  protected: boolean;

  /** The key that client secrets are digested with, sealed. */
  @Column('bytea', { name: 'sealed_digest_key' })
  sealedDigestKey: Buffer;

  @Column('uuid', { name: 'active_policy_set_version_id', nullable: true })
  activePolicySetVersionId: string | null;

  /** The candidate of the shadow mode: evaluated on live requests without deciding any. */
  @Column('uuid', { name: 'shadow_policy_set_version_id', nullable: true })
  shadowPolicySetVersionId: string | null;

  /** The zone's extension of the Cedar schema. */
  @Column('text', { name: 'policy_schema_extension', nullable: true })
  policySchemaExtension: string | null;

  /** The algorithm of mandates whose resources request no other. */
  @Column('text', { name: 'signing_alg' })
  signingAlg: ZoneAlg;

  /** The algorithm that signs until a key of {@link signingAlg} may. */
  @Column('text', { name: 'previous_signing_alg', nullable: true })
  previousSigningAlg: ZoneAlg | null;

  /** Days after which a signing key is rotated; 0 for never. */
  @Column('integer', { name: 'rotation_days' })
  rotationDays: number;

  /** Whether keys are published with certificates (`x5c`, RFC 7517 4.7). */
  @Column('boolean', { name: 'publish_x5c' })
  publishX5c: boolean;

  /** What requests are for that name no resource, by identifier, unless their client says so itself (RFC 8707 2). */
  @Column('text', { name: 'default_resources', array: true })
  defaultResources: string[];

  /** Who its mandates are from (`zone-issuer.ts`). */
  @Column('text', { name: 'issuer_mode' })
  issuerMode: IssuerMode;

  /** Its issuer where that has a host of its own. */
  @Column('text', { name: 'issuer_url', nullable: true })
  issuerUrl: string | null;

  /** The issuer before the last change, whose mandates are accepted until {@link previousIssuerUntil}. */
  @Column('text', { name: 'previous_issuer', nullable: true })
  previousIssuer: string | null;

  @Column('timestamptz', { name: 'previous_issuer_until', nullable: true })
  previousIssuerUntil: Date | null;

  /** Grows when all that the zone has issued is taken back. */
  @Column('integer')
  generation: number;

  /** Whether a subject of the zone was ever taken back. */
  @Column('boolean', { name: 'subject_generations' })
  subjectGenerations: boolean;

  /** Which introspections are recorded. */
  @Column('text', { name: 'introspection_audit' })
  introspectionAudit: IntrospectionAudit;

  /** Whether its audit log is kept whole, however old, and it cannot be removed. */
  @Column('boolean', { name: 'legal_hold' })
  legalHold: boolean;

  /** Whole days for which its audit log is kept at least; `null`: as long as that of the installation. */
  @Column('integer', { name: 'retention_days', nullable: true })
  retentionDays: number | null;

  /** The most recorded decisions that an activation of policies may change, as a replay has found; `null`: any number. */
  @Column('integer', { name: 'policy_max_changes', nullable: true })
  policyMaxChanges: number | null;

  @Column('timestamptz', { name: 'policy_activated_at', nullable: true })
  policyActivatedAt: Date | null;

  /** Since when it is being removed: for all but those who look how that goes it is not there. */
  @Column('timestamptz', { name: 'removed_at', nullable: true })
  removedAt: Date | null;

  /** Why it is not served here; `null` where it is. */
  @Column('jsonb', { nullable: true })
  away: Away | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  /** When it was changed through the API; `null`: not since it was made, as far as is known. */
  @Column('timestamptz', { name: 'updated_at', nullable: true })
  updatedAt: Date | null;
}
