import { ForbiddenException } from '@nestjs/common';
import type { EntityManager, Repository } from 'typeorm';
import { NO_ZONE } from '../../ledger/entry.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { InstallationWebhook } from '../../webhooks/installation-webhook.entity.js';
import type { ToldZones } from '../../webhooks/installation-webhooks.service.js';
import { unprocessable } from '../field-refusals.js';
import { found } from '../find-row.js';
import { controlZoneOf, mayChangeControlZone } from '../operators/control-zone.js';
import type { ActsAs } from '../operators/operator.js';
import { seen, type Filter } from '../pagination.js';
import { zonesAreThere } from '../zones/zones-are-there.js';
import { ALL_ZONES } from './webhook-view.js';

/** The zones that a body names. */
export function readToldZones(zoneIds: readonly string[]): ToldZones {
  return zoneIds.includes(ALL_ZONES) ? 'all' : zoneIds;
}

/** The zones that a webhook is told of. */
export function toldZonesOf({ allZones, zoneIds }: InstallationWebhook): ToldZones {
  return allZones ? 'all' : zoneIds;
}

/**
 * Sees to it that an operator has a webhook told of nothing that it may not see itself, and of the control zone only if it
 * may change that, as it would have to for a webhook there.
 *
 * @throws {HttpException} 403 for all zones, if it may see some only; 422 for zones that there are not, or that it may not see
 */
export async function checkMayTell(
  tx: EntityManager,
  operator: ActsAs,
  zones: ToldZones,
): Promise<void> {
  const { zones: own = null } = operator;
  if (zones === 'all') {
    if (own !== null) throw new ForbiddenException('to be an operator of all zones is required');
  } else {
    const there = await zonesAreThere(tx, zones);
    if (!there || zones.some((id) => own?.includes(id) === false)) {
      throw unprocessable('zone_ids', 'unknown', 'no such zone');
    }
  }
  await checkMayChangeAll(tx, operator, zones);
}

/** @throws {ForbiddenException} if the control zone is among them, and the operator may not change that */
export async function checkMayChangeAll(
  tx: EntityManager,
  operator: ActsAs,
  zones: ToldZones,
): Promise<void> {
  if (mayChangeControlZone(operator)) return;
  const control = await controlZoneOf(tx);
  if (control === null || (zones !== 'all' && !zones.includes(control))) return;
  throw new ForbiddenException(
    'all permissions of an owner are required, as the control zone is among the zones',
  );
}

/**
 * The webhooks of the installation that an operator may see: those of all whose zones it may see every one. One that is left
 * without zones is seen by operators of all zones only.
 */
export function seenWebhooks({ zones = null }: ActsAs): readonly Filter[] {
  const there = { sql: 'row.removed_at IS NULL' };
  if (zones === null) return [there];
  const named = 'SELECT FROM installation_webhook_zones s WHERE s.webhook_id = row.id';
  const sql = `NOT row.all_zones AND EXISTS (${named}) AND NOT EXISTS (${named} AND s.zone_id <> ALL (:seen_zones))`;
  return [there, { sql, parameters: { seen_zones: zones } }];
}

/** What happened in zones that an operator may see: a webhook was perhaps told of others before. */
export function seenDeliveries({ zones = null }: ActsAs): readonly Filter[] {
  return zones === null ? [] : seen('zone_id', { zones: [...zones, NO_ZONE] });
}

/** Webhooks that are told of a zone. */
export function toldOf(zone: string | undefined): readonly Filter[] {
  if (zone === undefined) return [];
  const sql = `(row.all_zones OR EXISTS (
    SELECT FROM installation_webhook_zones t WHERE t.webhook_id = row.id AND t.zone_id = :told_zone))`;
  return [{ sql, parameters: { told_zone: zone } }];
}

/** Finds a webhook of the installation. @throws {NotFoundException} if there is none, or the operator may not see it */
export async function findSeen(
  rows: Repository<InstallationWebhook>,
  id: string,
  operator: ActsAs,
): Promise<InstallationWebhook> {
  const query = rows.createQueryBuilder('row').where({ id });
  for (const { sql, parameters } of seenWebhooks(operator)) query.andWhere(sql, parameters);
  return found(isUuid(id) ? await query.getOne() : null, WHAT);
}

const WHAT = 'webhook';
