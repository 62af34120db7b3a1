import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A named policy; its content lives in versions. */
@Entity('policies')
export class Policy {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}

/** One immutable text of a policy. */
@Entity('policy_versions')
export class PolicyVersion {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'policy_id' })
  policyId: string;

  @Column('integer')
  version: number;

  /** Cedar. */
  @Column('text')
  content: string;

  /** Hex SHA-256 of the content. */
  @Column('text')
  sha256: string;

  /** Who wrote it, as they said. */
  @Column('text')
  author: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
