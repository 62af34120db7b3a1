import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** A URL that is sent events. */
@Entity('webhooks')
export class Webhook {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  /** What operators call it, unique in the zone; `null` if it has no name. */
  @Column('text', { nullable: true })
  name: string | null;

  @Column('text')
  url: string;

  /** The types of event that are sent; all about challenges if empty. */
  @Column('text', { array: true })
  events: string[];

  /** The key that messages are signed with. */
  @Column('bytea', { name: 'sealed_secret' })
  sealedSecret: Buffer;

  /** The key before. It signs, too, until {@link previousUntil}. */
  @Column('bytea', { name: 'sealed_previous_secret', nullable: true })
  sealedPreviousSecret: Buffer | null;

  @Column('timestamptz', { name: 'previous_until', nullable: true })
  previousUntil: Date | null;

  /** When it was switched off. */
  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;

  /** How many attempts to deliver something have failed since the last that has not. */
  @Column('integer', { name: 'failure_count' })
  failureCount: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  /** When operators have changed it last. */
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
