import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How often a candidate set would have decided otherwise than the active one, for one client. */
@Entity('shadow_differences')
export class ShadowDifference {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** The candidate. */
  @PrimaryColumn('uuid', { name: 'policy_set_version_id' })
  policySetVersionId: string;

  @PrimaryColumn('text')
  kind: string;

  @PrimaryColumn('uuid', { name: 'client_id' })
  clientId: string;

  /** A bigint, so a string here. */
  @Column('bigint')
  count: string;

  @Column('text', { array: true })
  examples: string[];

  @Column('timestamptz', { name: 'first_at' })
  firstAt: Date;

  @Column('timestamptz', { name: 'last_at' })
  lastAt: Date;
}
