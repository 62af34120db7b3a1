import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A named policy set; its content is in versions. */
@Entity('policy_sets')
export class PolicySet {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  /** What it is for, in the words of operators; `null` where that was not said. */
  @Column('text', { nullable: true })
  description: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}

/** One immutable manifest of policy versions. */
@Entity('policy_set_versions')
export class PolicySetVersion {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'policy_set_id' })
  policySetId: string;

  @Column('integer')
  version: number;

  @Column('text', { name: 'manifest_sha256' })
  manifestSha256: string;

  /** The author, as given; not verified. */
  @Column('text')
  author: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}

/** A policy version's membership in a policy set version. */
@Entity('policy_set_members')
export class PolicySetMember {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid', { name: 'policy_set_version_id' })
  policySetVersionId: string;

  @PrimaryColumn('uuid', { name: 'policy_version_id' })
  policyVersionId: string;
}
