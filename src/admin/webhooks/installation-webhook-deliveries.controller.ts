import { Body, ConflictException, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { acrossZones } from '../../platform/database/at-zones.js';
import { InstallationWebhook } from '../../webhooks/installation-webhook.entity.js';
import { WebhookDelivery } from '../../webhooks/webhook-delivery.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { InstallationChange, type Change } from '../change.js';
import { IfMatch, Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { having, readPage, type Page } from '../pagination.js';
import { ForSomeZones } from '../permission.js';
import { ofInstallation, replay, type Replayed } from './replay.js';
import { findSeen, seenDeliveries } from './told-zones.js';
import { withInstallationWebhook } from './with-webhook.js';
import { InstallationDeliveriesQuery, InstallationReplayBody } from './webhook.body.js';
import { putUpTest, sendAgain, type TestSent } from './webhook-deliveries.js';
import { inState } from './webhook-rows.js';
import { toInstallationDeliveryView, type InstallationDeliveryView } from './webhook-view.js';

/** Shows what became of what webhooks of several zones were to be told, and sends it again. */
@AdminController('webhooks', { noun: 'webhooks' })
export class InstallationWebhookDeliveriesController {
  constructor(
    @InjectRepository(InstallationWebhook) private readonly rows: Repository<InstallationWebhook>,
    @InjectRepository(WebhookDelivery) private readonly sent: Repository<WebhookDelivery>,
    private readonly changes: AuditedChanges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Sends a test event, which is of no zone, in the same way as any other. */
  @Post(':id/test')
  @ForSomeZones()
  @HttpCode(202)
  async test(
    @Param('id') id: string,
    @InstallationChange('webhook.tested') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<TestSent> {
    return withInstallationWebhook(this.changes, { id, change, precondition }, (tx) =>
      putUpTest(tx, { of: 'installation', id }),
    );
  }

  /** Lists what a webhook of several zones was, is or was not to be told. */
  @Get(':id/deliveries')
  @ForSomeZones()
  async deliveries(
    @Param('id') id: string,
    @Query() { zone, ...query }: InstallationDeliveriesQuery,
    @CurrentOperator() operator: Operator,
  ): Promise<Page<InstallationDeliveryView>> {
    const { id: installationWebhookId } = await findSeen(this.rows, id, operator);
    const within = { installationWebhookId };
    return readPage(this.sent, within, query, toInstallationDeliveryView, [
      ...inState(query.state),
      ...having('zone_id', zone),
      ...seenDeliveries(operator),
    ]);
  }

  /**
   * Sends again what happened in some time in the zones that the webhook is told of, whether it was received or given up: the
   * oldest thousand, and `next` says where to go on. Each keeps its `webhook-id`. Refused while the webhook is switched off.
   */
  @Post(':id/replay')
  @ForSomeZones()
  @HttpCode(202)
  async replay(
    @Param('id') id: string,
    @InstallationChange('webhook.replayed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() { zone_id: zoneId, ...body }: InstallationReplayBody,
  ): Promise<Replayed> {
    return withInstallationWebhook(
      this.changes,
      { id, change, precondition },
      (tx, webhook) => {
        if (webhook.disabledAt !== null) throw new ConflictException('it is switched off');
        return acrossZones(tx, () => replay(tx, ofInstallation(webhook, zoneId), body));
      },
      ({ replayed }) => ({
        replayed,
        ...body,
        ...(zoneId === undefined ? {} : { of_zone: zoneId }),
      }),
    );
  }

  /** Sends a delivery again that was given up. */
  @Post(':id/deliveries/:delivery/retry')
  @ForSomeZones()
  @HttpCode(202)
  async retry(
    @Param('id') id: string,
    @Param('delivery') deliveryId: string,
    @InstallationChange('webhook.delivery_retried') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<InstallationDeliveryView> {
    return withInstallationWebhook(
      this.changes,
      { id, change, precondition },
      async (tx, webhook) => {
        const named = { installationWebhookId: id, id: deliveryId };
        const sent = await acrossZones(tx, async () => {
          const delivery = await findRow(tx.getRepository(WebhookDelivery), named, 'delivery');
          const { zoneId } = delivery;
          const { zones } = ofInstallation(webhook, undefined);
          if (zones?.includes(zoneId) === false) {
            throw new ConflictException('the webhook is not told of its zone any more');
          }
          return sendAgain(tx, delivery, { ...named, zoneId }, this.clock.now());
        });
        return toInstallationDeliveryView(sent);
      },
    );
  }
}
