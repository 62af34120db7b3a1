import { Injectable } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { In, type DataSource, type Repository } from 'typeorm';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { Webhook } from './webhook.entity.js';

/** Seconds after which a delivery that was taken and not reported on is due again. */
const LEASE = 45;

/** How many deliveries that have waited for too long are given up at once. */
const GIVEN_UP_AT_ONCE = 1_000;

/** What is read of a change of a webhook, so that it is locked before the delivery: who removes a webhook locks them so, too. */
const WEBHOOK_FIRST = 'webhook_first';

/** A delivery that is due, and the webhook that it is for. */
export interface DueDelivery {
  readonly delivery: WebhookDelivery;
  readonly webhook: Webhook;
  /** Scheme, host and port of the webhook's URL. */
  readonly receiver: string;
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
   * @param limits how many at most, and to one receiver; how many are on their way already, by receiver
   */
  async take(limits: {
    most: number;
    toOne: number;
    underWay: ReadonlyMap<string, number>;
  }): Promise<DueDelivery[]> {
    const [taken] = await this.dataSource.query<
      [{ zone_id: string; id: string; receiver: string }[], number]
    >(TAKE, [
      JSON.stringify(Object.fromEntries(limits.underWay)),
      limits.toOne,
      limits.most,
      LEASE,
    ]);
    if (taken.length === 0) return [];
    const receivers = new Map(taken.map(({ id, receiver }) => [id, receiver]));
    const deliveries = await this.deliveries.findBy({ id: In([...receivers.keys()]) });
    const webhooks = await this.webhooks.findBy({
      id: In([...new Set(deliveries.map(({ webhookId }) => webhookId))]),
    });
    const byId = new Map(webhooks.map((webhook) => [webhook.id, webhook]));
    return deliveries.flatMap((delivery) => {
      const webhook = byId.get(delivery.webhookId);
      const receiver = receivers.get(delivery.id);
      return webhook === undefined || receiver === undefined
        ? []
        : [{ delivery, webhook, receiver }];
    });
  }

  /**
   * Gives up what has waited for too long: a day for a webhook that is switched off, three for any other. Days
   * with deliveries that are still to be received are kept, so none may wait for ever.
   *
   * @returns whether there may be more of them
   */
  async giveUp(): Promise<boolean> {
    const [, count] = await this.dataSource.query<[unknown, number]>(GIVE_UP, [GIVEN_UP_AT_ONCE]);
    return count === GIVEN_UP_AT_ONCE;
  }

  /** Reports that a delivery was received. */
  async delivered({ zoneId, id, webhookId }: WebhookDelivery): Promise<void> {
    await this.dataSource.query(
      `WITH through AS (
         UPDATE webhooks SET failure_count = 0 WHERE zone_id = $1 AND id = $3 AND failure_count > 0 RETURNING 1
       )
       UPDATE webhook_deliveries SET delivered_at = clock_timestamp(), dead_at = NULL, last_error = NULL
         FROM (SELECT count(*) FROM through) AS ${WEBHOOK_FIRST} WHERE zone_id = $1 AND id = $2`,
      [zoneId, id, webhookId],
    );
  }

  /** Reports that a delivery was not received. @param seconds when to try again; `null` for never */
  async failed(
    { zoneId, id, webhookId }: WebhookDelivery,
    error: string,
    seconds: number | null,
  ): Promise<void> {
    await this.dataSource.query(
      `WITH counted AS (
         UPDATE webhooks SET failure_count = failure_count + 1 WHERE zone_id = $1 AND id = $5 RETURNING 1
       )
       UPDATE webhook_deliveries
          SET last_error = $3, dead_at = CASE WHEN $4::float8 IS NULL THEN clock_timestamp() END,
              due_at = clock_timestamp() + make_interval(secs => coalesce($4, 0))
         FROM (SELECT count(*) FROM counted) AS ${WEBHOOK_FIRST} WHERE zone_id = $1 AND id = $2`,
      [zoneId, id, error, seconds, webhookId],
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
      `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(coalesce(restarted_at, created_at))), 0)::float8 AS age
         FROM webhook_deliveries WHERE delivered_at IS NULL AND dead_at IS NULL`,
    );
    return rows[0]?.age ?? 0;
  }
}

/**
 * Takes the oldest deliveries, but not all to one receiver, and none that another replica is just taking. Of the
 * webhooks of one receiver each has its turn.
 */
const TAKE = `
  WITH under_way AS (
    SELECT key AS receiver, value::integer AS count FROM jsonb_each_text($1::jsonb)
  ), due AS (
    SELECT d.zone_id, d.id, d.webhook_id, d.due_at, webhook_receiver(w.url) AS receiver FROM webhook_deliveries d
      JOIN webhooks w ON w.zone_id = d.zone_id AND w.id = d.webhook_id AND w.disabled_at IS NULL
     WHERE d.delivered_at IS NULL AND d.dead_at IS NULL AND d.due_at <= clock_timestamp()
       AND NOT EXISTS (SELECT FROM under_way u WHERE u.receiver = webhook_receiver(w.url) AND u.count >= $2::integer)
     ORDER BY d.due_at LIMIT 1000
  ), turns AS (
    SELECT *, row_number() OVER (PARTITION BY webhook_id ORDER BY due_at) AS turn FROM due
  ), fair AS (
    SELECT t.*, coalesce(u.count, 0) + row_number() OVER (PARTITION BY t.receiver ORDER BY t.turn, t.due_at) AS n
      FROM turns t LEFT JOIN under_way u ON u.receiver = t.receiver
  ), picked AS (
    SELECT d.zone_id, d.id, f.receiver FROM webhook_deliveries d JOIN fair f ON f.zone_id = d.zone_id AND f.id = d.id
     WHERE f.n <= $2::integer AND d.delivered_at IS NULL AND d.dead_at IS NULL AND d.due_at <= clock_timestamp()
     ORDER BY d.due_at LIMIT $3 FOR UPDATE OF d SKIP LOCKED
  )
  UPDATE webhook_deliveries d
     SET attempts = d.attempts + 1, due_at = clock_timestamp() + make_interval(secs => $4)
    FROM picked p WHERE d.zone_id = p.zone_id AND d.id = p.id
  RETURNING d.zone_id, d.id, p.receiver`;

const GIVE_UP = `
  WITH ended AS (
    SELECT d.zone_id, d.id,
           CASE WHEN w.disabled_at < clock_timestamp() - interval '1 day' THEN 'the webhook was switched off'
                ELSE 'it was not received within three days' END AS why
      FROM webhook_deliveries d JOIN webhooks w ON w.zone_id = d.zone_id AND w.id = d.webhook_id
     WHERE d.delivered_at IS NULL AND d.dead_at IS NULL
       AND (w.disabled_at < clock_timestamp() - interval '1 day' OR coalesce(d.restarted_at, d.created_at) < clock_timestamp() - interval '3 days')
     LIMIT $1 FOR UPDATE OF d SKIP LOCKED
  )
  UPDATE webhook_deliveries d SET dead_at = clock_timestamp(), last_error = coalesce(d.last_error || '; ', '') || e.why
    FROM ended e WHERE d.zone_id = e.zone_id AND d.id = e.id`;
