import type { EntityManager } from 'typeorm';
import { NO_ZONE } from '../../ledger/entry.js';
import type { InstallationWebhook } from '../../webhooks/installation-webhook.entity.js';
import type { Webhook } from '../../webhooks/webhook.entity.js';
import type { ReplayBody } from './webhook.body.js';

/** How many deliveries are put up again at once. */
const MOST = 1_000;

/** Whose deliveries are put up again. */
export interface Replayable {
  readonly column: 'webhook_id' | 'installation_webhook_id';
  readonly id: string;
  /** Those of what happened in these zones; `null` for all. */
  readonly zones: readonly string[] | null;
}

/** What a webhook of a zone was told. */
export function ofZone({ zoneId, id }: Webhook): Replayable {
  return { column: 'webhook_id', id, zones: [zoneId] };
}

/** What a webhook of the installation was told of the zones that it still is told of. @param zone of this one only */
export function ofInstallation(
  { id, allZones, zoneIds }: InstallationWebhook,
  zone: string | undefined,
): Replayable {
  const told = allZones ? null : [...zoneIds, NO_ZONE];
  const zones = zone === undefined ? told : [zone].filter((each) => told?.includes(each) ?? true);
  return { column: 'installation_webhook_id', id, zones };
}

/** What was put up again. */
export interface Replayed {
  /** How many deliveries. */
  readonly replayed: number;
  /** What to give as `after` for those that are left; absent if there are none. */
  readonly next?: string;
}

/**
 * Puts up again what a webhook was told, or what was given up, in the order in which it happened: the oldest thousand. Each
 * keeps its `webhook-id`, so that a receiver that has it knows it.
 */
export async function replay(
  tx: EntityManager,
  { column, id, zones }: Replayable,
  { from, to, events, state, after }: ReplayBody,
): Promise<Replayed> {
  const rows = await tx.query<{ id: string; more: boolean }[]>(REPLAY(column), [
    zones,
    id,
    from,
    to ?? null,
    events ?? null,
    state ?? null,
    after ?? null,
    MOST,
  ]);
  const last = rows.at(-1);
  return { replayed: rows.length, ...(last?.more === true ? { next: last.id } : {}) };
}

/** Ids have the time in them, so what was given up long ago is not looked at. */
const REPLAY = (column: Replayable['column']) => `
  WITH wanted AS (
    SELECT d.zone_id, d.id FROM webhook_deliveries d
     WHERE d.${column} = $2 AND ($1::uuid[] IS NULL OR d.zone_id = ANY ($1::uuid[]))
       AND d.id >= uuid_from_time(greatest($3::timestamptz, 'epoch')) AND d.id < uuid_from_time(greatest(coalesce($4::timestamptz, clock_timestamp()), 'epoch'))
       AND ($5::text[] IS NULL OR d.event_type = ANY ($5::text[]))
       AND CASE $6::text WHEN 'dead' THEN d.dead_at IS NOT NULL WHEN 'delivered' THEN d.delivered_at IS NOT NULL
                         ELSE d.dead_at IS NOT NULL OR d.delivered_at IS NOT NULL END
       AND ($7::uuid IS NULL OR d.id > $7::uuid)
     ORDER BY d.id LIMIT $8 + 1
  ), first AS (
    SELECT zone_id, id FROM wanted ORDER BY id LIMIT $8
  ), restarted AS (
    UPDATE webhook_deliveries d
       SET delivered_at = NULL, dead_at = NULL, last_error = NULL, attempts = 0,
           due_at = statement_timestamp(), restarted_at = statement_timestamp()
      FROM first f WHERE d.zone_id = f.zone_id AND d.id = f.id
    RETURNING d.id
  )
  SELECT id, (SELECT count(*) > $8 FROM wanted) AS more FROM restarted ORDER BY id`;
