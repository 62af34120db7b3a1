import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What can have more rows than can be removed at once. */
export type RemovalKind = 'client' | 'issuer' | 'zone';

/** Something that was ended, and whose rows are being removed; those of an issuer's sessions are ended. */
@Entity('removals')
export class Removal {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** That of the client, issuer or zone. */
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  kind: RemovalKind;

  /** How it was called. */
  @Column('text')
  name: string;

  /** How many rows there were; `null` as long as they were not counted. A bigint, so a string here. */
  @Column('bigint', { nullable: true })
  total: string | null;

  /** How many rows are done. */
  @Column('bigint', { default: 0 })
  removed: string;

  @Column('timestamptz', { name: 'requested_at', default: () => 'clock_timestamp()' })
  requestedAt: Date;
}
