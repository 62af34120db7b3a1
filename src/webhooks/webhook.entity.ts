import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A URL that is sent events. */
@Entity('webhooks')
export class Webhook {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

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

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
