import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { OutboundModule } from '../platform/outbound/outbound.module.js';
import { SealingModule } from '../sealing/sealing.module.js';
import { Outbox } from './outbox.service.js';
import { RevocationOutbox } from './revocation-stream/revocation-outbox.service.js';
import { RevocationSender } from './revocation-stream/revocation-sender.service.js';
import { revocationStreamMetrics } from './revocation-stream/revocation-stream.metrics.js';
import { Sender } from './sender.service.js';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { Webhook } from './webhook.entity.js';
import { webhookMetrics } from './webhooks.metrics.js';
import { Webhooks } from './webhooks.service.js';

/** Webhooks, and the stream of revocations for gateways: events are delivered at least once. */
@Module({
  imports: [OutboundModule, SealingModule, TypeOrmModule.forFeature([Webhook, WebhookDelivery])],
  providers: [
    Webhooks,
    Outbox,
    Sender,
    RevocationOutbox,
    RevocationSender,
    ...webhookMetrics,
    ...revocationStreamMetrics,
  ],
  exports: [Webhooks],
})
export class WebhooksModule {}
