import {
  Body,
  ConflictException,
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
import type { EntityManager, Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { WebhookDelivery } from '../../webhooks/webhook-delivery.entity.js';
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
import { ofZone, replay, type Replayed } from './replay.js';
import {
  DeliveriesQuery,
  ReplayBody,
  WebhookBody,
  WebhookChangeBody,
  WebhooksQuery,
} from './webhook.body.js';
import {
  checkWebhookUrl,
  putUpTest,
  sendAgain,
  useOf,
  type TestSent,
  type UseOfWebhook,
} from './webhook-deliveries.js';
import { columnsOf, inState, switchedOn } from './webhook-rows.js';
import {
  registered,
  toDeliveryView,
  toView,
  type DeliveryView,
  type WebhookView,
  type WebhookWithSecret,
} from './webhook-view.js';

/** Registers webhooks, and shows what became of what they were to be told. */
@AdminController('zones/:zone/webhooks', { noun: 'webhooks' })
export class WebhooksController {
  constructor(
    @InjectRepository(Webhook) private readonly rows: Repository<Webhook>,
    @InjectRepository(WebhookDelivery) private readonly sent: Repository<WebhookDelivery>,
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
    await this.with(id, change, precondition, (tx) =>
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
    const made = await this.with(id, change, precondition, (tx, webhook) =>
      this.webhooks.rotate(tx, webhook, this.clock.now()),
    );
    return { ...tagged(response, made.webhook), secret: made.secret };
  }

  /** Sends a test event, in the same way as any other. */
  @Post(':id/test')
  @HttpCode(202)
  async test(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('webhook.tested') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<TestSent> {
    return this.with(id, change, precondition, (tx) => putUpTest(tx, { of: 'zone', zoneId, id }));
  }

  /** Lists what a webhook was, is or was not to be told. */
  @Get(':id/deliveries')
  async deliveries(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Query() query: DeliveriesQuery,
  ): Promise<Page<DeliveryView>> {
    await findRow(this.rows, { zoneId, id }, 'webhook');
    const within = { zoneId, webhookId: id };
    return readPage(this.sent, within, query, toDeliveryView, inState(query.state));
  }

  /**
   * Sends again what happened in some time, whether it was received or given up: the oldest thousand, and `next` says where to
   * go on. Each keeps its `webhook-id`. Refused while the webhook is switched off: what was received would be given up.
   */
  @Post(':id/replay')
  @HttpCode(202)
  async replay(
    @InZone() _zone: Zone,
    @Param('id') id: string,
    @Change('webhook.replayed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: ReplayBody,
  ): Promise<Replayed> {
    return this.with(
      id,
      change,
      precondition,
      (tx, webhook) => {
        if (webhook.disabledAt !== null) throw new ConflictException('it is switched off');
        return replay(tx, ofZone(webhook), body);
      },
      ({ replayed }) => ({ replayed, ...Object.fromEntries(Object.entries(body)) }),
    );
  }

  /** Sends a delivery again that was given up. */
  @Post(':id/deliveries/:delivery/retry')
  @HttpCode(202)
  async retry(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Param('delivery') deliveryId: string,
    @Change('webhook.delivery_retried') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<DeliveryView> {
    return this.with(id, change, precondition, async (tx) => {
      const where = { zoneId, webhookId: id, id: deliveryId };
      const delivery = await findRow(tx.getRepository(WebhookDelivery), where, 'delivery');
      return toDeliveryView(await sendAgain(tx, delivery, where, this.clock.now()));
    });
  }

  /** Does something with a webhook, and records it. */
  private with<T>(
    id: string,
    change: Change,
    precondition: Precondition,
    make: (tx: EntityManager, webhook: Webhook) => Promise<T>,
    more: (made: T) => Readonly<Record<string, unknown>> = () => ({}),
  ): Promise<T> {
    return this.changes.run(change, async (tx, { id: zoneId }) => {
      const webhook = await findRow(tx.getRepository(Webhook), { zoneId, id }, 'webhook');
      precondition.check(entityTag(registered(webhook)));
      const result = await make(tx, webhook);
      return { result, details: { webhook: registered(webhook), ...more(result) } };
    });
  }
}

/** Answers with a webhook under the entity tag of what is registered of it. */
function tagged(response: Response, row: Webhook): WebhookView {
  response.setHeader('ETag', entityTag(registered(row)));
  return toView(row);
}
