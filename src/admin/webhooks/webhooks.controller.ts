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
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import type { EntityManager } from 'typeorm';
import { CLOCK, instant, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { readFetchUrl } from '../../platform/outbound/guarded-request.js';
import { WebhookDelivery } from '../../webhooks/webhook-delivery.entity.js';
import { Webhook } from '../../webhooks/webhook.entity.js';
import { Webhooks } from '../../webhooks/webhooks.service.js';
import { AdminController } from '../admin-controller.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { DeliveriesQuery, WebhookBody, WebhookChangeBody } from './webhook.body.js';

const IN_STATE = {
  pending: 'row.delivered_at IS NULL AND row.dead_at IS NULL',
  delivered: 'row.delivered_at IS NOT NULL',
  dead: 'row.dead_at IS NOT NULL',
} as const;

function view({ id, url, events, disabledAt, previousUntil, createdAt }: Webhook) {
  return {
    id,
    url,
    events,
    enabled: disabledAt === null,
    previous_secret_until: previousUntil,
    created_at: createdAt,
  };
}

function describeDelivery(row: WebhookDelivery) {
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
    private readonly changes: AuditedChanges,
    private readonly webhooks: Webhooks,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Registers a webhook. Its secret is in the answer, this once. */
  @Post()
  async register(
    @Param('zone') zoneId: string,
    @Body() { url, events = [] }: WebhookBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    await zoneExists(this.changes.read, zoneId);
    const { allowInsecureFetch: allowInsecure, allowPrivateFetch: allowPrivate } = this.env;
    const target = readFetchUrl(url, { allowInsecure, allowPrivate });
    if (typeof target === 'string') throw new BadRequestException(`url: ${target}`);
    const made = await this.changes.run(
      { zoneId, requestId: requestIdOf(request), type: 'webhook.registered' },
      async (tx) => {
        const result = await this.webhooks.register(tx, zoneId, {
          url,
          events: [...new Set(events)],
        });
        return { result, details: { webhook: view(result.webhook) } };
      },
    );
    response.location(`/internal/zones/${zoneId}/webhooks/${made.webhook.id}`);
    return { ...view(made.webhook), secret: made.secret };
  }

  /** Lists webhooks. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, Webhook, { zoneId }, page, view);
  }

  /** Shows a webhook. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return view(await find(this.changes.read, zoneId, id));
  }

  /** Switches a webhook on or off. While it is off, events do not come to its notice, not even later. */
  @Patch(':id')
  async change(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Body() { enabled }: WebhookChangeBody,
    @Req() request: Request,
  ) {
    return this.with(zoneId, id, request, 'webhook.changed', async (tx) => {
      const disabledAt = enabled ? null : instant(this.clock.now());
      await tx.update(Webhook, { zoneId, id }, { disabledAt });
      return view(await find(tx, zoneId, id));
    });
  }

  /** Removes a webhook, with what it was still to be told. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    await this.with(zoneId, id, request, 'webhook.removed', (tx) =>
      tx.delete(Webhook, { zoneId, id }),
    );
  }

  /** Gives a webhook another secret, shown this once. The one before signs along for a day. */
  @Post(':id/secret')
  async rotate(@Param('zone') zoneId: string, @Param('id') id: string, @Req() request: Request) {
    const made = await this.with(zoneId, id, request, 'webhook.secret_rotated', (tx, webhook) =>
      this.webhooks.rotate(tx, webhook, this.clock.now()),
    );
    return { ...view(made.webhook), secret: made.secret };
  }

  /** Sends a test event, in the same way as any other. */
  @Post(':id/test')
  @HttpCode(202)
  async test(@Param('zone') zoneId: string, @Param('id') id: string, @Req() request: Request) {
    return this.with(zoneId, id, request, 'webhook.tested', async (tx) => {
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
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Query() query: DeliveriesQuery,
  ) {
    await find(this.changes.read, zoneId, id);
    const within = { zoneId, webhookId: id };
    const condition = query.state === undefined ? undefined : IN_STATE[query.state];
    const { read } = this.changes;
    return readPage(read, WebhookDelivery, within, query, describeDelivery, condition);
  }

  /** Tries again what nobody tries any more. */
  @Post(':id/deliveries/:delivery/retry')
  @HttpCode(202)
  async retry(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Param('delivery') deliveryId: string,
    @Req() request: Request,
  ) {
    return this.with(zoneId, id, request, 'webhook.delivery_retried', async (tx) => {
      const where = { zoneId, webhookId: id, id: deliveryId };
      const delivery = isUuid(deliveryId) ? await tx.findOneBy(WebhookDelivery, where) : null;
      if (found(delivery, 'delivery').deadAt === null) {
        throw new ConflictException('it is not given up');
      }
      await tx.update(WebhookDelivery, where, {
        deadAt: null,
        attempts: 0,
        dueAt: instant(this.clock.now()),
      });
      return describeDelivery(await tx.findOneByOrFail(WebhookDelivery, where));
    });
  }

  /** Does something with a webhook, and records it. */
  private with<T>(
    zoneId: string,
    id: string,
    request: Request,
    type: string,
    make: (tx: EntityManager, webhook: Webhook) => Promise<T>,
  ): Promise<T> {
    return this.changes.run({ zoneId, requestId: requestIdOf(request), type }, async (tx) => {
      const webhook = await find(tx, zoneId, id);
      return { result: await make(tx, webhook), details: { webhook: view(webhook) } };
    });
  }
}

async function find(tx: EntityManager, zoneId: string, id: string): Promise<Webhook> {
  await zoneExists(tx, zoneId);
  return found(isUuid(id) ? await tx.findOneBy(Webhook, { zoneId, id }) : null, 'webhook');
}
