import { NO_ZONE } from '../../ledger/entry.js';
import type { WebhookDelivery } from '../../webhooks/webhook-delivery.entity.js';
import type { InstallationWebhook } from '../../webhooks/installation-webhook.entity.js';
import type { Webhook } from '../../webhooks/webhook.entity.js';

/** What webhooks of zones and of the installation have alike. */
export type WebhookRow = Omit<Webhook, 'zoneId'>;

/** What stands for all zones, in a list of zones. */
export const ALL_ZONES = '*';

/** A webhook as operators have registered it. */
export interface RegisteredWebhook {
  readonly id: string;
  /** What it is called, unique in the zone; absent if it has no name. */
  readonly name?: string;
  /** Where to. */
  readonly url: string;
  /** The types of event that are sent; all about challenges if empty. */
  readonly events: readonly string[];
  readonly enabled: boolean;
  /** Until when the secret before signs along; `null` if there is none. */
  readonly previous_secret_until: Date | null;
  readonly created_at: Date;
  /** When it was changed last. */
  readonly updated_at: Date;
}

/** A webhook as operators are shown it. */
export interface WebhookView extends RegisteredWebhook {
  /** How many attempts to deliver something have failed since the last that has not. */
  readonly failure_count: number;
}

/** A webhook of the installation as operators have registered it. */
export interface RegisteredInstallationWebhook extends RegisteredWebhook {
  /** The zones that it is told of, by id; `*` for all, those of tomorrow too. Empty once they are all gone. */
  readonly zone_ids: readonly string[];
}

/** A webhook of the installation as operators are shown it. */
export interface InstallationWebhookView extends RegisteredInstallationWebhook {
  /** How many attempts to deliver something have failed since the last that has not. */
  readonly failure_count: number;
}

/** A webhook of the installation with a new secret. */
export interface InstallationWebhookWithSecret extends InstallationWebhookView {
  /** What its messages are signed with (Standard Webhooks), shown this once. */
  readonly secret: string;
}

/** A webhook with a new secret. */
export interface WebhookWithSecret extends WebhookView {
  /** What its messages are signed with (Standard Webhooks), shown this once. */
  readonly secret: string;
}

/** Something that a webhook was, is or was not to be told. */
export interface DeliveryView {
  /** The header `webhook-id`, the same for each attempt. */
  readonly id: string;
  readonly event_type: string;
  /** The body that is sent. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** How many attempts were begun. */
  readonly attempts: number;
  /** When it is tried next. */
  readonly due_at: Date;
  /** Why the last attempt failed. */
  readonly last_error: string | null;
  readonly delivered_at: Date | null;
  /** When it was given up. */
  readonly dead_at: Date | null;
  readonly created_at: Date;
}

/** Something that a webhook of the installation was, is or was not to be told. */
export interface InstallationDeliveryView extends DeliveryView {
  /** The zone in which it happened; `null` for a test event. */
  readonly zone_id: string | null;
}

/** What an operator has registered: what the entity tag is of, which no delivery changes. */
export function registered(row: WebhookRow): RegisteredWebhook {
  return {
    id: row.id,
    ...(row.name === null ? {} : { name: row.name }),
    url: row.url,
    events: row.events,
    enabled: row.disabledAt === null,
    previous_secret_until: row.previousUntil,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}

/** Shows a webhook. */
export function toView(row: WebhookRow): WebhookView {
  return { ...registered(row), failure_count: row.failureCount };
}

/** What an operator has registered of a webhook of the installation. */
export function registeredForZones(row: InstallationWebhook): RegisteredInstallationWebhook {
  return { ...registered(row), zone_ids: row.allZones ? [ALL_ZONES] : row.zoneIds };
}

/** Shows a webhook of the installation. */
export function toInstallationView(row: InstallationWebhook): InstallationWebhookView {
  return { ...registeredForZones(row), failure_count: row.failureCount };
}

/** Shows a delivery. */
export function toDeliveryView(row: WebhookDelivery): DeliveryView {
  return {
    id: row.id,
    event_type: row.eventType,
    payload: { ...row.payload },
    attempts: row.attempts,
    due_at: row.dueAt,
    last_error: row.lastError,
    delivered_at: row.deliveredAt,
    dead_at: row.deadAt,
    created_at: row.createdAt,
  };
}

/** Shows a delivery of a webhook of the installation. */
export function toInstallationDeliveryView(row: WebhookDelivery): InstallationDeliveryView {
  return { ...toDeliveryView(row), zone_id: row.zoneId === NO_ZONE ? null : row.zoneId };
}
