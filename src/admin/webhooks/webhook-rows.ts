import { instant } from '../../platform/config/clock.js';
import type { Filter } from '../pagination.js';
import type { DeliveriesQuery, WebhookChangeBody } from './webhook.body.js';
import type { WebhookRow } from './webhook-view.js';

/** What a merge patch changes of a webhook. @param now milliseconds since the epoch */
export function columnsOf(
  { name, url, events, enabled }: WebhookChangeBody,
  now: number,
): Partial<WebhookRow> {
  return {
    ...(name === undefined ? {} : { name }),
    ...(url === undefined ? {} : { url }),
    ...(events === undefined ? {} : { events: [...new Set(events)] }),
    ...(enabled === undefined
      ? {}
      : { disabledAt: enabled ? null : instant(now), failureCount: 0 }),
  };
}

/** Webhooks that are switched on, or off. */
export function switchedOn(enabled: 'true' | 'false' | undefined): readonly Filter[] {
  if (enabled === undefined) return [];
  return [{ sql: `row.disabled_at IS ${enabled === 'true' ? '' : 'NOT '}NULL` }];
}

/** Deliveries that have come so far. */
export function inState(state: DeliveriesQuery['state']): readonly Filter[] {
  return state === undefined ? [] : [{ sql: IN_STATE[state] }];
}

const IN_STATE = {
  pending: 'row.delivered_at IS NULL AND row.dead_at IS NULL',
  delivered: 'row.delivered_at IS NOT NULL',
  dead: 'row.dead_at IS NOT NULL',
} as const;
