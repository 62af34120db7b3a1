import type { EntityManager } from 'typeorm';
import type { Webhook } from '../../webhooks/webhook.entity.js';
import type { ReplayBody } from './webhook.body.js';

/** How many deliveries are put up again at once. */
const MOST = 1_000;

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
  { zoneId, id }: Webhook,
  { from, to, events, state, after }: ReplayBody,
): Promise<Replayed> {
  const rows = await tx.query<{ id: string; more: boolean }[]>(REPLAY, [
    zoneId,
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
const REPLAY = `
  WITH wanted AS (
    SELECT d.id FROM webhook_deliveries d
     WHERE d.zone_id = $1 AND d.webhook_id = $2
       AND d.id >= uuid_from_time(greatest($3::timestamptz, 'epoch')) AND d.id < uuid_from_time(greatest(coalesce($4::timestamptz, clock_timestamp()), 'epoch'))
       AND ($5::text[] IS NULL OR d.event_type = ANY ($5::text[]))
       AND CASE $6::text WHEN 'dead' THEN d.dead_at IS NOT NULL WHEN 'delivered' THEN d.delivered_at IS NOT NULL
                         ELSE d.dead_at IS NOT NULL OR d.delivered_at IS NOT NULL END
       AND ($7::uuid IS NULL OR d.id > $7::uuid)
     ORDER BY d.id LIMIT $8 + 1
  ), first AS (
    SELECT id FROM wanted ORDER BY id LIMIT $8
  ), restarted AS (
    UPDATE webhook_deliveries d
       SET delivered_at = NULL, dead_at = NULL, last_error = NULL, attempts = 0,
           due_at = clock_timestamp(), restarted_at = clock_timestamp()
      FROM first f WHERE d.zone_id = $1 AND d.id = f.id
    RETURNING d.id
  )
  SELECT id, (SELECT count(*) > $8 FROM wanted) AS more FROM restarted ORDER BY id`;
