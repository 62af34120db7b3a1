import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { WebhookSecrets } from './webhook-secrets.service.js';
import { Webhook } from './webhook.entity.js';

/** A webhook with its new secret, which is shown this once. */
export interface NewSecret {
  readonly webhook: Webhook;
  /** As Standard Webhooks writes it. */
  readonly secret: string;
}

/** Registers webhooks of zones, and gives them secrets. */
@Injectable()
export class Webhooks {
  constructor(private readonly secrets: WebhookSecrets) {}

  /** Registers a webhook. */
  async register(
    tx: EntityManager,
    zoneId: string,
    { name, url, events }: Pick<Webhook, 'name' | 'url' | 'events'>,
  ): Promise<NewSecret> {
    const id = uuidv7();
    const { secret, sealed } = await this.secrets.draw({ zoneId, id });
    const webhooks = tx.getRepository(Webhook);
    await webhooks.insert({ zoneId, id, name, url, events, sealedSecret: sealed });
    return { webhook: await webhooks.findOneByOrFail({ zoneId, id }), secret };
  }

  /**
   * Gives a webhook another secret. The one before signs along for a day.
   *
   * @param now milliseconds since the epoch
   */
  async rotate(tx: EntityManager, webhook: Webhook, now: number): Promise<NewSecret> {
    const { zoneId, id } = webhook;
    const { secret, kept } = await this.secrets.drawAnother(webhook, now);
    const webhooks = tx.getRepository(Webhook);
    await webhooks.update({ zoneId, id }, kept);
    return { webhook: await webhooks.findOneByOrFail({ zoneId, id }), secret };
  }
}
