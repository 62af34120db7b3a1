import { Body, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { AdminController } from '../admin-controller.js';
import { Change } from '../change.js';
import { unprocessable } from '../field-refusals.js';
import { WebhooksController } from '../webhooks/webhooks.controller.js';
import { Tenants } from './in-tenant.js';
import { TenantWebhookBody } from './tenant-webhook.body.js';

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

/** Webhooks as Shyntr's management API registers them. It does what the route of webhooks does. */
@AdminController('webhooks', { noun: 'webhooks', below: 'admin/management' })
export class TenantWebhooksController {
  constructor(
    private readonly webhooks: WebhooksController,
    private readonly tenants: Tenants,
  ) {}

  /** Registers a webhook of one tenant. Its secret is in the answer, this once. */
  @Post()
  async register(
    @Change('webhook.registered') change: Change,
    @Body() { name, url, tenant_ids: named, events }: TenantWebhookBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TenantWebhookView> {
    const [tenant, ...others] = new Set(named);
    if (tenant === undefined || tenant === '*' || others.length > 0) {
      throw unprocessable('tenant_ids', 'not_offered', 'a webhook is of one tenant');
    }
    const zone = await this.tenants.transform(tenant);
    const body = { name, url, events: events ?? [] };
    const made = await this.webhooks.register(zone, { ...change, zoneId: zone.id }, body, response);
    return {
      id: made.id,
      name,
      url: made.url,
      tenant_ids: [zone.id],
      events: made.events,
      is_active: made.enabled,
      secret: made.secret,
      created_at: made.created_at,
    };
  }
}
