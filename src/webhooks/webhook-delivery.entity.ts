import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One event that is to be delivered to one webhook. */
@Entity('webhook_deliveries')
export class WebhookDelivery {
  /** The zone in which it happened; all zeroes for a test event of the installation. */
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  /** The header `webhook-id`: the same for every attempt. */
  @PrimaryColumn('uuid')
  id: string;

  /** The webhook of the zone that it is for; `null` for one of the installation. */
  @Column('uuid', { name: 'webhook_id', nullable: true })
  webhookId: string | null;

  /** The webhook of the installation that it is for; `null` for one of the zone. */
  @Column('uuid', { name: 'installation_webhook_id', nullable: true })
  installationWebhookId: string | null;

  @Column('text', { name: 'event_type' })
  eventType: string;

  /** The body that is sent. */
  @Column('jsonb')
  payload: object;

  /** The place in a trace of what it tells of (W3C Trace Context). */
  @Column('text', { nullable: true })
  traceparent: string | null;

  /** The number of attempts that were begun. */
  @Column('integer')
  attempts: number;

  @Column('timestamptz', { name: 'due_at' })
  dueAt: Date;

  /** Why the last attempt failed. */
  @Column('text', { name: 'last_error', nullable: true })
  lastError: string | null;

  @Column('timestamptz', { name: 'delivered_at', nullable: true })
  deliveredAt: Date | null;

  /** When it was given up. */
  @Column('timestamptz', { name: 'dead_at', nullable: true })
  deadAt: Date | null;

  /** When it was put up again that had been delivered or given up; its three days begin with that. */
  @Column('timestamptz', { name: 'restarted_at', nullable: true })
  restartedAt: Date | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
