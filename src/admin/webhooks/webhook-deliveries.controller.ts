import { Body, ConflictException, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { WebhookDelivery } from '../../webhooks/webhook-delivery.entity.js';
import { Webhook } from '../../webhooks/webhook.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { IfMatch, Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { readPage, type Page } from '../pagination.js';
import { ofZone, replay, type Replayed } from './replay.js';
import { withWebhook } from './with-webhook.js';
import { DeliveriesQuery, ReplayBody } from './webhook.body.js';
import { putUpTest, sendAgain, type TestSent } from './webhook-deliveries.js';
import { inState } from './webhook-rows.js';
import { toDeliveryView, type DeliveryView } from './webhook-view.js';

/** Shows what became of what a webhook was to be told, and sends it again. */
@AdminController('zones/:zone/webhooks', { noun: 'webhooks' })
export class WebhookDeliveriesController {
  constructor(
    @InjectRepository(Webhook) private readonly rows: Repository<Webhook>,
    @InjectRepository(WebhookDelivery) private readonly sent: Repository<WebhookDelivery>,
    private readonly changes: AuditedChanges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Sends a test event, in the same way as any other. */
  @Post(':id/test')
  @HttpCode(202)
  async test(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('webhook.tested') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<TestSent> {
    return withWebhook(this.changes, { id, change, precondition }, (tx) =>
      putUpTest(tx, { of: 'zone', zoneId, id }),
    );
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
    return withWebhook(
      this.changes,
      { id, change, precondition },
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
    return withWebhook(this.changes, { id, change, precondition }, async (tx) => {
      const where = { zoneId, webhookId: id, id: deliveryId };
      const delivery = await findRow(tx.getRepository(WebhookDelivery), where, 'delivery');
      return toDeliveryView(await sendAgain(tx, delivery, where, this.clock.now()));
    });
  }
}
