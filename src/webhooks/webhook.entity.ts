import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** Where somebody wants to be told what happens to challenges. */
@Entity('webhooks')
export class Webhook {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  url: string;

  /** The types of event that are sent; all if empty. */
  @Column('text', { array: true })
  events: string[];

  /** The key that messages are signed with. */
  @Column('bytea', { name: 'sealed_secret' })
  sealedSecret: Buffer;

  /** The one before. It signs, too, until {@link previousUntil}. */
  @Column('bytea', { name: 'sealed_previous_secret', nullable: true })
  sealedPreviousSecret: Buffer | null;

  @Column('timestamptz', { name: 'previous_until', nullable: true })
  previousUntil: Date | null;

  /** Since when nothing is sent to it. */
  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;
}
