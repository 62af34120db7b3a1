import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { instant } from '../platform/config/clock.js';
import { Sealing } from '../sealing/sealing.service.js';
import { formatSecret } from './standard-webhooks.js';

/** Milliseconds for which the secret before signs, too. */
const OVERLAP_MS = 24 * 3_600_000;

/** A webhook by its place: the zone, all zeroes for one of the installation. */
export interface WebhookPlace {
  readonly zoneId: string;
  readonly id: string;
}

/** The secrets of a webhook, as they are kept. */
export interface KeptSecrets extends WebhookPlace {
  readonly sealedSecret: Buffer;
  readonly sealedPreviousSecret: Buffer | null;
  readonly previousUntil: Date | null;
}

/** Draws the secrets of webhooks, of zones and of the installation alike, and opens them to sign. */
@Injectable()
export class WebhookSecrets {
  constructor(private readonly sealing: Sealing) {}

  /** Draws a secret. @returns it as Standard Webhooks writes it, to be shown this once, and sealed for its place */
  async draw({ zoneId, id }: WebhookPlace): Promise<{ secret: string; sealed: Buffer }> {
    const key = randomBytes(32);
    const sealed = await this.sealing.seal(sealOf(zoneId, id), key);
    return { secret: formatSecret(key), sealed };
  }

  /**
   * Draws another secret. The one before signs along for a day, so that the receiver can change over in that time.
   *
   * @param now milliseconds since the epoch
   * @returns the secret, to be shown this once, and what is to be kept
   */
  async drawAnother(webhook: KeptSecrets, now: number) {
    const { secret, sealed } = await this.draw(webhook);
    const kept = {
      sealedSecret: sealed,
      sealedPreviousSecret: webhook.sealedSecret,
      previousUntil: instant(now + OVERLAP_MS),
    };
    return { secret, kept };
  }

  /** The keys that sign the messages to a webhook. @param now milliseconds since the epoch */
  async keysOf(webhook: KeptSecrets, now: number): Promise<Buffer[]> {
    const { zoneId, id, sealedSecret, sealedPreviousSecret, previousUntil } = webhook;
    const previous =
      previousUntil !== null && previousUntil.getTime() > now ? sealedPreviousSecret : null;
    const sealed = previous === null ? [sealedSecret] : [sealedSecret, previous];
    return Promise.all(sealed.map((one) => this.sealing.open(sealOf(zoneId, id), one)));
  }
}

function sealOf(zoneId: string, id: string) {
  return { purpose: 'webhook-secret', zoneId, id } as const;
}
