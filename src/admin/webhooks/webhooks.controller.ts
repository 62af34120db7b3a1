import {
  BadRequestException,
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
import { CLOCK, instant, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { Zone } from '../../zones/zone.entity.js';
import { readFetchUrl } from '../../platform/outbound/guarded-request.js';
import { WebhookDelivery } from '../../webhooks/webhook-delivery.entity.js';
import { Webhook } from '../../webhooks/webhook.entity.js';
import { Webhooks } from '../../webhooks/webhooks.service.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { DeliveriesQuery, WebhookBody, WebhookChangeBody } from './webhook.body.js';

const IN_STATE = {
  pending: 'row.delivered_at IS NULL AND row.dead_at IS NULL',
  delivered: 'row.delivered_at IS NOT NULL',
  dead: 'row.dead_at IS NOT NULL',
} as const;

function toView({ id, url, events, disabledAt, previousUntil, createdAt }: Webhook) {
  return {
    id,
    url,
    events,
    enabled: disabledAt === null,
    previous_secret_until: previousUntil,
    created_at: createdAt,
  };
}

function toDeliveryView(row: WebhookDelivery) {
  return {
    id: row.id,
    event_type: row.eventType,
    payload: row.payload,
    attempts: row.attempts,
    due_at: row.dueAt,
    last_error: row.lastError,
    delivered_at: row.deliveredAt,
    dead_at: row.deadAt,
    created_at: row.createdAt,
  };
}

/** Registers webhooks, and shows what became of what they were to be told. */
@AdminController('zones/:zone/webhooks')
export class WebhooksController {
  constructor(
    @InjectRepository(Webhook) private readonly rows: Repository<Webhook>,
    @InjectRepository(WebhookDelivery) private readonly sent: Repository<WebhookDelivery>,
    private readonly changes: AuditedChanges,
    private readonly webhooks: Webhooks,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Registers a webhook. Its secret is in the answer, this once. */
  @Post()
  async register(
    @InZone() { id: zoneId }: Zone,
    @Change('webhook.registered') change: Change,
    @Body() { url, events = [] }: WebhookBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { allowInsecureFetch: allowInsecure, allowPrivateFetch: allowPrivate } = this.env;
    const target = readFetchUrl(url, { allowInsecure, allowPrivate });
    if (typeof target === 'string') throw new BadRequestException(`url: ${target}`);
    const made = await this.changes.run(change, async (tx) => {
      const registration = { url, events: [...new Set(events)] };
      const result = await this.webhooks.register(tx, zoneId, registration);
      return { result, details: { webhook: toView(result.webhook) } };
    });
    response.location(`/internal/zones/${zoneId}/webhooks/${made.webhook.id}`);
    return { ...toView(made.webhook), secret: made.secret };
  }

  /** Lists webhooks. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.rows, { zoneId }, page, toView);
  }

  /** Shows a webhook. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return toView(await findRow(this.rows, { zoneId, id }, 'webhook'));
  }

  /** Switches a webhook on or off. While it is off, events do not come to its notice, not even later. */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('webhook.changed') change: Change,
    @Body() { enabled }: WebhookChangeBody,
  ) {
    return this.with(id, change, async (tx) => {
      const disabledAt = enabled ? null : instant(this.clock.now());
      const webhooks = tx.getRepository(Webhook);
      await webhooks.update({ zoneId, id }, { disabledAt });
      return toView(await webhooks.findOneByOrFail({ zoneId, id }));
    });
  }

  /** Removes a webhook, with what it was still to be told. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('webhook.removed') change: Change,
  ): Promise<void> {
    await this.with(id, change, (tx) => tx.getRepository(Webhook).delete({ zoneId, id }));
  }

  /** Gives a webhook another secret, shown this once. The one before signs along for a day. */
  @Post(':id/secret')
  async rotate(
    @InZone() _zone: Zone,
    @Param('id') id: string,
    @Change('webhook.secret_rotated') change: Change,
  ) {
    const made = await this.with(id, change, (tx, webhook) =>
      this.webhooks.rotate(tx, webhook, this.clock.now()),
    );
    return { ...toView(made.webhook), secret: made.secret };
  }

  /** Sends a test event, in the same way as any other. */
  @Post(':id/test')
  @HttpCode(202)
  async test(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('webhook.tested') change: Change,
  ) {
    return this.with(id, change, async (tx) => {
      const [made] = await tx.query<{ id: string }[]>(
        `INSERT INTO webhook_deliveries (zone_id, id, webhook_id, event_type, payload)
         VALUES ($1, new_uuid_v7(), $2, 'webhook.test', jsonb_build_object('type', 'webhook.test',
           'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'data', jsonb_build_object('zone_id', $1::uuid, 'webhook_id', $2::uuid)))
         RETURNING id`,
        [zoneId, id],
      );
      return { delivery_id: made?.id };
    });
  }

  /** Lists what a webhook was, is or was not to be told. */
  @Get(':id/deliveries')
  async deliveries(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Query() query: DeliveriesQuery,
  ) {
    await findRow(this.rows, { zoneId, id }, 'webhook');
    const within = { zoneId, webhookId: id };
    const condition = query.state === undefined ? undefined : IN_STATE[query.state];
    return readPage(this.sent, within, query, toDeliveryView, condition);
  }

  /** Sends a delivery again that was given up. */
  @Post(':id/deliveries/:delivery/retry')
  @HttpCode(202)
  async retry(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Param('delivery') deliveryId: string,
    @Change('webhook.delivery_retried') change: Change,
  ) {
    return this.with(id, change, async (tx) => {
      const where = { zoneId, webhookId: id, id: deliveryId };
      const deliveries = tx.getRepository(WebhookDelivery);
      const delivery = await findRow(deliveries, where, 'delivery');
      if (delivery.deadAt === null) throw new ConflictException('it is not given up');
      await deliveries.update(where, {
        deadAt: null,
        attempts: 0,
        dueAt: instant(this.clock.now()),
      });
      return toDeliveryView(await deliveries.findOneByOrFail(where));
    });
  }

  /** Does something with a webhook, and records it. */
  private with<T>(
    id: string,
    change: Change,
    make: (tx: EntityManager, webhook: Webhook) => Promise<T>,
  ): Promise<T> {
    return this.changes.run(change, async (tx, { id: zoneId }) => {
      const webhook = await findRow(tx.getRepository(Webhook), { zoneId, id }, 'webhook');
      return { result: await make(tx, webhook), details: { webhook: toView(webhook) } };
    });
  }
}
