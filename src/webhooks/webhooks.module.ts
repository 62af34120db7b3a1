import { Module } from '@nestjs/common';
import { OutboundModule } from '../platform/outbound/outbound.module.js';
import { SealingModule } from '../sealing/sealing.module.js';
import { DueDeliveries } from './due-deliveries.service.js';
import { InstallationWebhooks } from './installation-webhooks.service.js';
import { Outbox } from './outbox.service.js';
import { RevocationOutbox } from './revocation-stream/revocation-outbox.service.js';
import { RevocationSender } from './revocation-stream/revocation-sender.service.js';
import { revocationStreamMetrics } from './revocation-stream/revocation-stream.metrics.js';
import { Sender } from './sender.service.js';
import { WebhookSecrets } from './webhook-secrets.service.js';
import { webhookMetrics } from './webhooks.metrics.js';
import { Webhooks } from './webhooks.service.js';

/** Webhooks, and the stream of revocations for gateways: events are delivered at least once. */
@Module({
  imports: [OutboundModule, SealingModule],
  providers: [
    WebhookSecrets,
    Webhooks,
    InstallationWebhooks,
    DueDeliveries,
    Outbox,
    Sender,
    RevocationOutbox,
    RevocationSender,
    ...webhookMetrics,
    ...revocationStreamMetrics,
  ],
  exports: [Webhooks, InstallationWebhooks],
})
export class WebhooksModule {}
