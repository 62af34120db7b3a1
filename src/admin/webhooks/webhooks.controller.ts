import {
  Body,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { Webhook } from '../../webhooks/webhook.entity.js';
import { Webhooks } from '../../webhooks/webhooks.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { WebhookBody, WebhookChangeBody, WebhooksQuery } from './webhook.body.js';
import { checkWebhookUrl, useOf, type UseOfWebhook } from './webhook-deliveries.js';
import { columnsOf, switchedOn } from './webhook-rows.js';
import { withWebhook } from './with-webhook.js';
import { registered, toView, type WebhookView, type WebhookWithSecret } from './webhook-view.js';

/** Registers webhooks, changes and removes them. */
@AdminController('zones/:zone/webhooks', { noun: 'webhooks' })
export class WebhooksController {
  constructor(
    @InjectRepository(Webhook) private readonly rows: Repository<Webhook>,
    private readonly changes: AuditedChanges,
    private readonly dryRuns: DryRuns,
    private readonly webhooks: Webhooks,
    private readonly policies: OutboundPolicies,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Registers a webhook. Its secret is in the answer, this once. */
  @Post()
  async register(
    @InZone() { id: zoneId }: Zone,
    @Change('webhook.registered') change: Change,
    @Body() { name, url, events = [] }: WebhookBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookWithSecret> {
    const made = await this.changes.run(change, async (tx) => {
      await checkWebhookUrl(tx, this.policies, zoneId, url);
      const registration = { name: name ?? null, url, events: [...new Set(events)] };
      const result = await this.webhooks.register(tx, zoneId, registration);
      return { result, details: { webhook: registered(result.webhook) } };
    });
    response.location(`/internal/zones/${zoneId}/webhooks/${made.webhook.id}`);
    return { ...tagged(response, made.webhook), secret: made.secret };
  }

  /** Lists webhooks. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() { name, enabled, search, ...page }: WebhooksQuery,
  ): Promise<Page<WebhookView>> {
    const filters = [
      ...having('name', name),
      ...switchedOn(enabled),
      ...containing(['name', 'url'], search),
    ];
    return readPage(this.rows, { zoneId }, page, toView, filters);
  }

  /** Shows a webhook. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookView> {
    return tagged(response, await findRow(this.rows, { zoneId, id }, 'webhook'));
  }

  /** Changes a webhook (a merge patch, RFC 7396): its name, where it is, what it is told, or whether it is told anything. */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('webhook.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: WebhookChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookView> {
    const changed = await this.changes.run(change, async (tx) => {
      const webhooks = tx.getRepository(Webhook);
      const before = await findRow(webhooks, { zoneId, id }, 'webhook');
      precondition.check(entityTag(registered(before)));
      if (body.url !== undefined) {
        await checkWebhookUrl(tx, this.policies, zoneId, body.url);
      }
      const columns = columnsOf(body, this.clock.now());
      if (Object.keys(columns).length > 0) await webhooks.update({ zoneId, id }, columns);
      const result = await webhooks.findOneByOrFail({ zoneId, id });
      return { result, details: { before: registered(before), after: registered(result) } };
    });
    return tagged(response, changed);
  }

  /** Removes a webhook, with what it was still to be told. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('webhook.removed') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<WebhookView, UseOfWebhook>> | undefined> {
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const webhook = await findRow(tx.getRepository(Webhook), { zoneId, id }, 'webhook');
        const tag = entityTag(registered(webhook));
        precondition.check(tag);
        return {
          tag,
          would: { delete: toView(webhook), affects: await useOf(tx, { of: 'zone', zoneId, id }) },
        };
      });
    }
    await withWebhook(this.changes, { id, change, precondition }, (tx) =>
      tx.getRepository(Webhook).delete({ zoneId, id }),
    );
    return undefined;
  }

  /** Gives a webhook another secret, shown this once. The one before signs along for a day. */
  @Post(':id/secret')
  async rotate(
    @InZone() _zone: Zone,
    @Param('id') id: string,
    @Change('webhook.secret_rotated') change: Change,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookWithSecret> {
    const made = await withWebhook(this.changes, { id, change, precondition }, (tx, webhook) =>
      this.webhooks.rotate(tx, webhook, this.clock.now()),
    );
    return { ...tagged(response, made.webhook), secret: made.secret };
  }
}

/** Answers with a webhook under the entity tag of what is registered of it. */
function tagged(response: Response, row: Webhook): WebhookView {
  response.setHeader('ETag', entityTag(registered(row)));
  return toView(row);
}
