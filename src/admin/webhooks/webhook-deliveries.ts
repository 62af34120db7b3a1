import { BadRequestException, ConflictException } from '@nestjs/common';
import type { EntityManager, FindOptionsWhere } from 'typeorm';
import { NO_ZONE } from '../../ledger/entry.js';
import { instant } from '../../platform/config/clock.js';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';
import { readFetchUrl } from '../../platform/outbound/fetch-rules.js';
import type { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { WebhookDelivery } from '../../webhooks/webhook-delivery.entity.js';

/** What a test event was put up as. */
export interface TestSent {
  /** Its `webhook-id`. */
  readonly delivery_id: string;
}

/** What goes with a webhook. */
export type UseOfWebhook = Counts<'waiting_deliveries'>;

/** A webhook of a zone, or of the installation, which is of none. */
export type WebhookPlace = { readonly id: string } & (
  { readonly of: 'zone'; readonly zoneId: string } | { readonly of: 'installation' }
);

/** Puts up a test event, which is sent in the same way as any other. */
export async function putUpTest(tx: EntityManager, place: WebhookPlace): Promise<TestSent> {
  const [zoneId, ofZone, ofInstallation] =
    place.of === 'zone' ? [place.zoneId, place.id, null] : [NO_ZONE, null, place.id];
  const [made] = await tx.query<[{ id: string }]>(
    `INSERT INTO webhook_deliveries (zone_id, id, webhook_id, installation_webhook_id, event_type, payload)
     VALUES ($1, new_uuid_v7(), $2, $3, 'webhook.test', jsonb_build_object('type', 'webhook.test',
       'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       'data', jsonb_build_object('zone_id', nullif($1::uuid, '${NO_ZONE}'), 'webhook_id', coalesce($2::uuid, $3::uuid))))
     RETURNING id`,
    [zoneId, ofZone, ofInstallation],
  );
  return { delivery_id: made.id };
}

/**
 * Sends a delivery again that was given up.
 *
 * @param where names it
 * @param now in milliseconds since the epoch
 * @returns the delivery as it is then
 * @throws {ConflictException} if it was not given up
 */
export async function sendAgain(
  tx: EntityManager,
  delivery: WebhookDelivery,
  where: FindOptionsWhere<WebhookDelivery>,
  now: number,
): Promise<WebhookDelivery> {
  if (delivery.deadAt === null) throw new ConflictException('it is not given up');
  const at = instant(now);
  const deliveries = tx.getRepository(WebhookDelivery);
  await deliveries.update(where, { deadAt: null, attempts: 0, dueAt: at, restartedAt: at });
  return deliveries.findOneByOrFail(where);
}

/** Counts what a webhook is still to be told. */
export function useOf(tx: EntityManager, place: WebhookPlace): Promise<UseOfWebhook> {
  const [its, values] =
    place.of === 'zone'
      ? ['d.zone_id = $1 AND d.webhook_id = $2', [place.zoneId, place.id]]
      : ['d.installation_webhook_id = $1', [place.id]];
  const waiting = `webhook_deliveries d WHERE ${its} AND d.delivered_at IS NULL AND d.dead_at IS NULL`;
  return countRows(tx, { waiting_deliveries: waiting }, values);
}

/**
 * Looks whether something would be sent to a URL.
 *
 * @param zoneId from which zone; `null`: from any
 * @throws {BadRequestException} if not
 */
export async function checkWebhookUrl(
  tx: EntityManager,
  policies: OutboundPolicies,
  zoneId: string | null,
  url: string,
): Promise<void> {
  const rules = await policies.rulesFor('webhook_delivery', zoneId, tx);
  const target = readFetchUrl(url, rules);
  if (typeof target === 'string') throw new BadRequestException(`url: ${target}`);
}
