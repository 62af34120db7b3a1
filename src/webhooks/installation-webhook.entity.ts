import {
  Column,
  CreateDateColumn,
  Entity,
  PrimaryColumn,
  UpdateDateColumn,
  VirtualColumn,
} from 'typeorm';

/** A URL that is sent the events of several zones, or of all. */
@Entity('installation_webhooks')
export class InstallationWebhook {
  @PrimaryColumn('uuid')
  id: string;

  /** All zeroes: it is of no zone, and its secrets are sealed for that. */
  @Column('uuid', { name: 'zone_id' })
  zoneId: string;

  /** What operators call it, unique in the installation; `null` if it has no name. */
  @Column('text', { nullable: true })
  name: string | null;

  @Column('text')
  url: string;

  /** The types of event that are sent; all about challenges if empty. */
  @Column('text', { array: true })
  events: string[];

  /** Whether it is told of all zones, those of tomorrow too; otherwise of {@link zoneIds}. */
  @Column('boolean', { name: 'all_zones' })
  allZones: boolean;

  /** The zones that it names, without those that are being removed. */
  @VirtualColumn({
    query: (row) => `ARRAY(SELECT z.zone_id FROM installation_webhook_zones z
      JOIN zone_directory d ON d.zone_id = z.zone_id AND d.removed_at IS NULL
      WHERE z.webhook_id = ${row}.id ORDER BY z.zone_id)`,
  })
  zoneIds: string[];

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

  /** When operators removed it: to them, it is gone from then on. */
  @Column('timestamptz', { name: 'removed_at', nullable: true })
  removedAt: Date | null;

  /** How many attempts to deliver something have failed since the last that has not. */
  @Column('integer', { name: 'failure_count' })
  failureCount: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  /** When operators have changed it last. */
  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
