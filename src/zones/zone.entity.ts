import type { ZoneAlg } from '../oauth/algorithms.js';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** An isolated population of clients, resources, keys and policies. */
@Entity('zones')
export class Zone {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  /** Grows by itself with every change to anything in the zone. A bigint, so a string here. */
  @Column({ type: 'bigint', update: false, insert: false })
  version: string;

  /** The key that client secrets are digested with, sealed. */
  @Column('bytea', { name: 'sealed_digest_key' })
  sealedDigestKey: Buffer;

  @Column('uuid', { name: 'active_policy_set_version_id', nullable: true })
  activePolicySetVersionId: string | null;

  /** A candidate that is tried on live requests without deciding any. */
  @Column('uuid', { name: 'shadow_policy_set_version_id', nullable: true })
  shadowPolicySetVersionId: string | null;

  /** What this zone's policies may use beyond the shipped Cedar schema. */
  @Column('text', { name: 'policy_schema_extension', nullable: true })
  policySchemaExtension: string | null;

  /** What mandates are signed with unless their resources ask for something else. */
  @Column('text', { name: 'signing_alg' })
  signingAlg: ZoneAlg;

  /** What signs until a key of {@link signingAlg} may. */
  @Column('text', { name: 'previous_signing_alg', nullable: true })
  previousSigningAlg: ZoneAlg | null;

  /** After how many days a signing key is rotated; 0 for never. */
  @Column('integer', { name: 'rotation_days' })
  rotationDays: number;

  /** Whether keys are published with certificates. */
  @Column('boolean', { name: 'publish_x5c' })
  publishX5c: boolean;

  @Column('timestamptz', { name: 'policy_activated_at', nullable: true })
  policyActivatedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
