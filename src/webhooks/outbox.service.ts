import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { NIL } from 'uuid';
import { STILL_TOLD, type DueDelivery } from './due-deliveries.service.js';
import type { WebhookDelivery } from './webhook-delivery.entity.js';

/** How many deliveries that have waited for too long, or for a webhook that is gone, are dealt with at once. */
const GIVEN_UP_AT_ONCE = 1_000;

/** What is read of a change of a webhook, so that it is locked before the delivery: who removes a webhook locks them so, too. */
const WEBHOOK_FIRST = 'webhook_first';

/** The outbox of webhooks: what became of deliveries, and what waits. */
@Injectable()
export class Outbox {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Gives up what has waited for too long: a day for a webhook that is switched off, three for any other. Days
   * with deliveries that are still to be received are kept, so none may wait for ever. What a webhook of the installation was
   * to be told that is gone goes, and then the webhook.
   *
   * @returns whether there may be more of them
   */
  async giveUp(): Promise<boolean> {
    const [, count] = await this.dataSource.query<[unknown, number]>(GIVE_UP, [GIVEN_UP_AT_ONCE]);
    const [, gone] = await this.dataSource.query<[unknown, number]>(REMOVE_DELIVERIES, [
      GIVEN_UP_AT_ONCE,
    ]);
    await this.dataSource.query(REMOVE_WEBHOOKS);
    return count === GIVEN_UP_AT_ONCE || gone === GIVEN_UP_AT_ONCE;
  }

  /** Reports that a delivery was received. */
  async delivered(delivery: WebhookDelivery): Promise<void> {
    const { table, id: webhookId, zoneId: webhookZone } = webhookOf(delivery);
    await this.dataSource.query(
      `WITH through AS (
         UPDATE ${table} SET failure_count = 0 WHERE zone_id = $4 AND id = $3 AND failure_count > 0 RETURNING 1
       )
       UPDATE webhook_deliveries SET delivered_at = clock_timestamp(), dead_at = NULL, last_error = NULL
         FROM (SELECT count(*) FROM through) AS ${WEBHOOK_FIRST} WHERE zone_id = $1 AND id = $2`,
      [delivery.zoneId, delivery.id, webhookId, webhookZone],
    );
  }

  /** Reports that a delivery was not received. @param seconds when to try again; `null` for never */
  async failed(delivery: WebhookDelivery, error: string, seconds: number | null): Promise<void> {
    const { table, id: webhookId, zoneId: webhookZone } = webhookOf(delivery);
    await this.dataSource.query(
      `WITH counted AS (
         UPDATE ${table} SET failure_count = failure_count + 1 WHERE zone_id = $6 AND id = $5 RETURNING 1
       )
       UPDATE webhook_deliveries
          SET last_error = $3, dead_at = CASE WHEN $4::float8 IS NULL THEN clock_timestamp() END,
              due_at = clock_timestamp() + make_interval(secs => coalesce($4, 0))
         FROM (SELECT count(*) FROM counted) AS ${WEBHOOK_FIRST} WHERE zone_id = $1 AND id = $2`,
      [delivery.zoneId, delivery.id, error, seconds, webhookId, webhookZone],
    );
  }

  /** Switches a webhook off whose receiver says that it is gone for good (RFC 9110 15.5.11). */
  async disable({ delivery }: DueDelivery): Promise<void> {
    const { table, id, zoneId } = webhookOf(delivery);
    await this.dataSource.query(
      `UPDATE ${table} SET disabled_at = coalesce(disabled_at, now()) WHERE zone_id = $1 AND id = $2`,
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

/** Where the webhook of a delivery is. */
function webhookOf({ zoneId, webhookId, installationWebhookId }: WebhookDelivery) {
  return webhookId === null
    ? { table: 'installation_webhooks', zoneId: NIL, id: installationWebhookId }
    : { table: 'webhooks', zoneId, id: webhookId };
}

const GIVE_UP = `
  WITH ended AS (
    SELECT d.zone_id, d.id,
           CASE WHEN i.id IS NOT NULL AND NOT ${STILL_TOLD} THEN 'the webhook is not told of the zone any more'
                WHEN coalesce(w.disabled_at, i.disabled_at) < clock_timestamp() - interval '1 day' THEN 'the webhook was switched off'
                ELSE 'it was not received within three days' END AS why
      FROM webhook_deliveries d LEFT JOIN webhooks w ON w.zone_id = d.zone_id AND w.id = d.webhook_id
      LEFT JOIN installation_webhooks i ON i.id = d.installation_webhook_id
     WHERE d.delivered_at IS NULL AND d.dead_at IS NULL
       AND (coalesce(w.disabled_at, i.disabled_at) < clock_timestamp() - interval '1 day'
            OR coalesce(d.restarted_at, d.created_at) < clock_timestamp() - interval '3 days'
            OR i.id IS NOT NULL AND NOT ${STILL_TOLD})
     LIMIT $1 FOR UPDATE OF d SKIP LOCKED
  )
  UPDATE webhook_deliveries d SET dead_at = clock_timestamp(), last_error = coalesce(d.last_error || '; ', '') || e.why
    FROM ended e WHERE d.zone_id = e.zone_id AND d.id = e.id`;

const REMOVE_DELIVERIES = `
  WITH gone AS (
    SELECT d.zone_id, d.id FROM installation_webhooks i JOIN webhook_deliveries d ON d.installation_webhook_id = i.id
     WHERE i.removed_at IS NOT NULL LIMIT $1 FOR UPDATE OF d SKIP LOCKED
  )
  DELETE FROM webhook_deliveries d USING gone g WHERE d.zone_id = g.zone_id AND d.id = g.id`;

/** Whoever has begun to tell it something before it was removed has ended by then, so nobody waits for this. */
const REMOVE_WEBHOOKS = `
  DELETE FROM installation_webhooks i
   WHERE i.removed_at < clock_timestamp() - interval '1 hour'
     AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.installation_webhook_id = i.id)`;
