import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A named policy; its content is in versions. */
@Entity('policies')
export class Policy {
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

/** One immutable version of a policy. */
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

  /** Cedar text. */
  @Column('text')
  content: string;

  /** Hex SHA-256 of the content. */
  @Column('text')
  sha256: string;

  /** The author, as given; not verified. */
  @Column('text')
  author: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
