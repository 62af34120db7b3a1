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

  @Column('timestamptz', { name: 'policy_activated_at', nullable: true })
  policyActivatedAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
