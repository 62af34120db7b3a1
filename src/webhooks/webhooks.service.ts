import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { instant } from '../platform/config/clock.js';
import { Sealing } from '../sealing/sealing.service.js';
import { formatSecret } from './standard-webhooks.js';
import { Webhook } from './webhook.entity.js';

/** The types of event that there are: the last five are sent to webhooks only that name them (`revocation-events.sql`). */
export const EVENT_TYPES = [
  'challenge.created',
  'challenge.approved',
  'challenge.rejected',
  'challenge.reported',
  'challenge.consumed',
  'webhook.test',
  'revocation.ordered',
  'session.ended',
  'client.disabled',
  'signing_key.withdrawn',
  'recovery_code.used',
] as const;

/** Milliseconds for which the secret before signs, too. */
const OVERLAP_MS = 24 * 3_600_000;

/** A webhook with its new secret, which is shown this once. */
export interface NewSecret {
  readonly webhook: Webhook;
  /** As Standard Webhooks writes it. */
  readonly secret: string;
}

/** Registers webhooks, and keeps their secrets. */
@Injectable()
export class Webhooks {
  constructor(private readonly sealing: Sealing) {}

  /** Registers a webhook. */
  async register(
    tx: EntityManager,
    zoneId: string,
    { name, url, events }: Pick<Webhook, 'name' | 'url' | 'events'>,
  ): Promise<NewSecret> {
    const id = uuidv7();
    const { secret, sealed } = await this.generateSecret(zoneId, id);
    const webhooks = tx.getRepository(Webhook);
    await webhooks.insert({ zoneId, id, name, url, events, sealedSecret: sealed });
    return { webhook: await webhooks.findOneByOrFail({ zoneId, id }), secret };
  }

  /**
   * Gives a webhook another secret. The one before signs along for a day, so that the receiver can change
   * over in that time.
   *
   * @param now milliseconds since the epoch
   */
  async rotate(
    tx: EntityManager,
    { zoneId, id, sealedSecret }: Webhook,
    now: number,
  ): Promise<NewSecret> {
    const { secret, sealed } = await this.generateSecret(zoneId, id);
    const webhooks = tx.getRepository(Webhook);
    await webhooks.update(
      { zoneId, id },
      {
        sealedSecret: sealed,
        sealedPreviousSecret: sealedSecret,
        previousUntil: instant(now + OVERLAP_MS),
      },
    );
    return { webhook: await webhooks.findOneByOrFail({ zoneId, id }), secret };
  }

  /** The keys that sign the messages to a webhook. @param now milliseconds since the epoch */
  async keysOf(webhook: Webhook, now: number): Promise<Buffer[]> {
    const { zoneId, id, sealedSecret, sealedPreviousSecret, previousUntil } = webhook;
    const previous =
      previousUntil !== null && previousUntil.getTime() > now ? sealedPreviousSecret : null;
    const sealed = previous === null ? [sealedSecret] : [sealedSecret, previous];
    return Promise.all(sealed.map((one) => this.sealing.open(sealOf(zoneId, id), one)));
  }

  private async generateSecret(
    zoneId: string,
    id: string,
  ): Promise<{ secret: string; sealed: Buffer }> {
    const key = randomBytes(32);
    const sealed = await this.sealing.seal(sealOf(zoneId, id), key);
    return { secret: formatSecret(key), sealed };
  }
}

function sealOf(zoneId: string, id: string) {
  return { purpose: 'webhook-secret', zoneId, id } as const;
}
