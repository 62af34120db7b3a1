import { Injectable } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { In, type DataSource, type Repository } from 'typeorm';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { Webhook } from './webhook.entity.js';

/** Seconds after which a delivery that was taken and not reported on is due again. */
const LEASE = 30;

/** A delivery that is due, and the webhook that it is for. */
export interface DueDelivery {
  readonly delivery: WebhookDelivery;
  readonly webhook: Webhook;
}

/** The outbox of webhooks: the deliveries that are due, for all replicas together. */
@Injectable()
export class Outbox {
  constructor(
    @InjectRepository(WebhookDelivery) private readonly deliveries: Repository<WebhookDelivery>,
    @InjectRepository(Webhook) private readonly webhooks: Repository<Webhook>,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * Takes deliveries that are due. One becomes due again by itself unless it is reported on.
   *
   * @param limits how many at most, and of one webhook; the webhooks that have enough to do already
   */
  async take(limits: {
    most: number;
    ofOne: number;
    busy: readonly string[];
  }): Promise<DueDelivery[]> {
    const taken = await this.dataSource.query<[{ zone_id: string; id: string }[], number]>(TAKE, [
      limits.busy,
      limits.ofOne,
      limits.most,
      LEASE,
    ]);
    const ids = taken[0].map(({ id }) => id);
    if (ids.length === 0) return [];
    const deliveries = await this.deliveries.findBy({ id: In(ids) });
    const webhooks = await this.webhooks.findBy({
      id: In([...new Set(deliveries.map(({ webhookId }) => webhookId))]),
    });
    const byId = new Map(webhooks.map((webhook) => [webhook.id, webhook]));
    return deliveries.flatMap((delivery) => {
      const webhook = byId.get(delivery.webhookId);
      return webhook === undefined ? [] : [{ delivery, webhook }];
    });
  }

  /** Reports that a delivery was received. */
  async delivered({ zoneId, id }: WebhookDelivery): Promise<void> {
    await this.dataSource.query(
      `UPDATE webhook_deliveries SET delivered_at = clock_timestamp(), last_error = NULL
        WHERE zone_id = $1 AND id = $2`,
      [zoneId, id],
    );
  }

  /** Reports that a delivery was not received. @param seconds when to try again; `null` for never */
  async failed(
    { zoneId, id }: WebhookDelivery,
    error: string,
    seconds: number | null,
  ): Promise<void> {
    await this.dataSource.query(
      `UPDATE webhook_deliveries
          SET last_error = $3, dead_at = CASE WHEN $4::float8 IS NULL THEN clock_timestamp() END,
              due_at = clock_timestamp() + make_interval(secs => coalesce($4, 0))
        WHERE zone_id = $1 AND id = $2`,
      [zoneId, id, error, seconds],
    );
  }

  /** Switches a webhook off whose receiver says that it is gone for good (RFC 9110 15.5.11). */
  async disable({ zoneId, id }: Webhook): Promise<void> {
    await this.dataSource.query(
      'UPDATE webhooks SET disabled_at = coalesce(disabled_at, now()) WHERE zone_id = $1 AND id = $2',
      [zoneId, id],
    );
  }

  /** The age of the oldest delivery that is still to be received, in seconds. */
  async oldest(): Promise<number> {
    const rows = await this.dataSource.query<{ age: number }[]>(
      `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS age
         FROM webhook_deliveries WHERE delivered_at IS NULL AND dead_at IS NULL`,
    );
    return rows[0]?.age ?? 0;
  }
}

/** Takes the oldest deliveries, but not all of one webhook, and none that another replica is just taking. */
const TAKE = `
  WITH due AS (
    SELECT d.zone_id, d.id, d.webhook_id, d.due_at FROM webhook_deliveries d
      JOIN webhooks w ON w.zone_id = d.zone_id AND w.id = d.webhook_id AND w.disabled_at IS NULL
     WHERE d.delivered_at IS NULL AND d.dead_at IS NULL AND d.due_at <= clock_timestamp()
       AND d.webhook_id <> ALL ($1::uuid[])
     ORDER BY d.due_at LIMIT 1000
  ), fair AS (
    SELECT *, row_number() OVER (PARTITION BY webhook_id ORDER BY due_at) AS n FROM due
  ), picked AS (
    SELECT d.zone_id, d.id FROM webhook_deliveries d JOIN fair f ON f.zone_id = d.zone_id AND f.id = d.id
     WHERE f.n <= $2 AND d.delivered_at IS NULL AND d.dead_at IS NULL AND d.due_at <= clock_timestamp()
     ORDER BY d.due_at LIMIT $3 FOR UPDATE OF d SKIP LOCKED
  )
  UPDATE webhook_deliveries d
     SET attempts = d.attempts + 1, due_at = clock_timestamp() + make_interval(secs => $4)
    FROM picked p WHERE d.zone_id = p.zone_id AND d.id = p.id
  RETURNING d.zone_id, d.id`;
