import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SealingModule } from '../sealing/sealing.module.js';
import { Outbox } from './outbox.service.js';
import { Sender } from './sender.service.js';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { Webhook } from './webhook.entity.js';
import { webhookMetrics } from './webhooks.metrics.js';
import { Webhooks } from './webhooks.service.js';

/** Webhooks: events of challenges are delivered at least once. */
@Module({
  imports: [SealingModule, TypeOrmModule.forFeature([Webhook, WebhookDelivery])],
  providers: [Webhooks, Outbox, Sender, ...webhookMetrics],
  exports: [Webhooks],
})
export class WebhooksModule {}
