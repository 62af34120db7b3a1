import type { EntityManager } from 'typeorm';
import { InstallationWebhook } from '../../webhooks/installation-webhook.entity.js';
import { Webhook } from '../../webhooks/webhook.entity.js';
import type { AuditedChanges } from '../audited-changes.service.js';
import type { Change } from '../change.js';
import { entityTag, type Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { checkMayChangeAll, findSeen, toldZonesOf } from './told-zones.js';
import { registered, registeredForZones } from './webhook-view.js';

/** A request to do something with a webhook. */
export interface WebhookRequest {
  readonly id: string;
  readonly change: Change;
  readonly precondition: Precondition;
}

/**
 * Does something with a webhook of a zone, and records it.
 *
 * @param more what else is recorded of it
 * @throws {HttpException} 404, 412
 */
export function withWebhook<T>(
  changes: AuditedChanges,
  { id, change, precondition }: WebhookRequest,
  make: (tx: EntityManager, webhook: Webhook) => Promise<T>,
  more: (made: T) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<T> {
  return changes.run(change, async (tx, { id: zoneId }) => {
    const webhook = await findRow(tx.getRepository(Webhook), { zoneId, id }, 'webhook');
    precondition.check(entityTag(registered(webhook)));
    const result = await make(tx, webhook);
    return { result, details: { webhook: registered(webhook), ...more(result) } };
  });
}

/**
 * Does something with a webhook of several zones, and records it.
 *
 * @param more what else is recorded of it
 * @throws {HttpException} 403, 404, 412
 */
export function withInstallationWebhook<T>(
  changes: AuditedChanges,
  { id, change, precondition }: WebhookRequest,
  make: (tx: EntityManager, webhook: InstallationWebhook) => Promise<T>,
  more: (made: T) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<T> {
  return changes.runWithoutZone(change, async (tx) => {
    const { webhook } = await findToChange(tx, id, change, precondition);
    const result = await make(tx, webhook);
    return { result, details: { webhook: registeredForZones(webhook), ...more(result) } };
  });
}

/** Finds a webhook that an operator may change, and that is as it knows it. @throws {HttpException} 403, 404, 412 */
export async function findToChange(
  tx: EntityManager,
  id: string,
  { operator }: Change,
  precondition: Precondition,
) {
  const rows = tx.getRepository(InstallationWebhook);
  const webhook = await findSeen(rows, id, operator);
  await checkMayChangeAll(tx, operator, toldZonesOf(webhook));
  precondition.check(entityTag(registeredForZones(webhook)));
  return { rows, webhook };
}
