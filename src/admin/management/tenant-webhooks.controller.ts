import { Body, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { NO_ZONE } from '../../ledger/entry.js';
import type { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { Change } from '../change.js';
import { unprocessable } from '../field-refusals.js';
import { found } from '../find-row.js';
import { InstallationWebhooksController } from '../webhooks/installation-webhooks.controller.js';
import { ALL_ZONES } from '../webhooks/webhook-view.js';
import { WebhooksController } from '../webhooks/webhooks.controller.js';
import { Tenants } from './in-tenant.js';
import { TenantWebhookBody } from './tenant-webhook.body.js';

/** What regular expressions are made of, in Shyntr's lists of tenants. */
const PATTERN = /[*^$|+?()[\]{}\\]/;

/** A webhook that was just registered, as Shyntr shows it. */
export interface TenantWebhookView {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly tenant_ids: readonly string[];
  readonly events: readonly string[];
  readonly is_active: boolean;
  /** What its messages are signed with (Standard Webhooks), shown this once. */
  readonly secret: string;
  readonly created_at: Date;
}

/**
 * Webhooks as Shyntr's management API registers them. It does what the routes of webhooks do: of one tenant those of the zone,
 * of several, or of all (`*`), those of the installation.
 */
@AdminController('webhooks', { noun: 'webhooks', below: 'admin/management' })
export class TenantWebhooksController {
  constructor(
    private readonly webhooks: WebhooksController,
    private readonly ofSeveral: InstallationWebhooksController,
    private readonly tenants: Tenants,
  ) {}

  /** Registers a webhook of one tenant, of several or of all. Its secret is in the answer, this once. */
  @Post()
  async register(
    @Change('webhook.registered') change: Change,
    @Body() { name, url, tenant_ids: named, events }: TenantWebhookBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantWebhookView> {
    const zones = await this.read(named);
    const body = { name, url, events: events ?? [] };
    const [zone, ...others] = zones ?? [];
    const made =
      zone === undefined || others.length > 0
        ? await this.ofSeveral.register(
            { ...change, zoneId: NO_ZONE },
            { ...body, zone_ids: zones?.map(({ id }) => id) ?? [ALL_ZONES] },
            response,
          )
        : await this.webhooks.register(zone, { ...change, zoneId: zone.id }, body, response);
    return {
      id: made.id,
      name,
      url: made.url,
      tenant_ids: zones?.map(({ id }) => id) ?? [ALL_ZONES],
      events: made.events,
      is_active: made.enabled,
      secret: made.secret,
      created_at: made.created_at,
    };
  }
  /**
   * Finds the zones of tenants, each once.
   *
   * @returns `null` for all
   * @throws {HttpException} 404 for an unknown tenant; 422 for none, for `*` beside others, and for a pattern
   */
  private async read(named: readonly string[]): Promise<readonly Zone[] | null> {
    if (named.length === 1 && named[0] === ALL_ZONES) return null;
    if (named.length === 0) throw unprocessable('tenant_ids', 'required', 'names no tenant');
    const zones = new Map<string, Zone>();
    for (const each of new Set(named)) {
      // oxlint-disable-next-line no-await-in-loop
      const zone = each === ALL_ZONES ? null : await this.tenants.find(each);
      if (zone === null && PATTERN.test(each)) {
        throw unprocessable('tenant_ids', 'not_offered', 'tenants are named whole, or "*" alone');
      }
      const there = found(zone, 'tenant');
      zones.set(there.id, there);
    }
    return [...zones.values()];
  }
}
