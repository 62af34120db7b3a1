import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { NIL, v7 as uuidv7 } from 'uuid';
import { InstallationWebhook } from './installation-webhook.entity.js';
import { WebhookSecrets } from './webhook-secrets.service.js';

/** The zones that a webhook of the installation is told of: by their ids, or all, those of tomorrow too. */
export type ToldZones = readonly string[] | 'all';

/** A webhook of the installation with its new secret, which is shown this once. */
export interface NewInstallationSecret {
  readonly webhook: InstallationWebhook;
  /** As Standard Webhooks writes it. */
  readonly secret: string;
}

/** Registers webhooks of the installation, says which zones they are told of, and gives them secrets. */
@Injectable()
export class InstallationWebhooks {
  constructor(private readonly secrets: WebhookSecrets) {}

  /** Registers a webhook. The zones have to be there. */
  async register(
    tx: EntityManager,
    { name, url, events }: Pick<InstallationWebhook, 'name' | 'url' | 'events'>,
    zones: ToldZones,
  ): Promise<NewInstallationSecret> {
    const id = uuidv7();
    const { secret, sealed: sealedSecret } = await this.secrets.draw({ zoneId: NIL, id });
    const allZones = zones === 'all';
    const rows = tx.getRepository(InstallationWebhook);
    await rows.insert({ zoneId: NIL, id, name, url, events, allZones, sealedSecret });
    if (!allZones) await tx.query(NAME_ZONES, [id, zones]);
    return { webhook: await rows.findOneByOrFail({ id }), secret };
  }

  /**
   * Says anew which zones a webhook is told of. What it was still to be told of others is given up by the outbox.
   *
   * @param zones have to be there
   */
  async changeZones(
    tx: EntityManager,
    { id }: InstallationWebhook,
    zones: ToldZones,
  ): Promise<void> {
    const named = zones === 'all' ? [] : zones;
    await tx.getRepository(InstallationWebhook).update({ id }, { allZones: zones === 'all' });
    await tx.query(FORGET_ZONES, [id, named]);
    await tx.query(NAME_ZONES, [id, named]);
  }

  /**
   * Gives a webhook another secret. The one before signs along for a day.
   *
   * @param now milliseconds since the epoch
   */
  async rotate(
    tx: EntityManager,
    webhook: InstallationWebhook,
    now: number,
  ): Promise<NewInstallationSecret> {
    const { id } = webhook;
    const { secret, kept } = await this.secrets.drawAnother(webhook, now);
    const rows = tx.getRepository(InstallationWebhook);
    await rows.update({ id }, kept);
    return { webhook: await rows.findOneByOrFail({ id }), secret };
  }

  /** Removes a webhook: it is told nothing any more. The outbox removes what it was still to be told. */
  async remove(tx: EntityManager, { id }: InstallationWebhook): Promise<void> {
    await tx.query(
      'UPDATE installation_webhooks SET removed_at = clock_timestamp() WHERE id = $1',
      [id],
    );
  }
}

const NAME_ZONES = `
  INSERT INTO installation_webhook_zones (zone_id, webhook_id)
  SELECT unnest($2::uuid[]), $1::uuid EXCEPT SELECT zone_id, webhook_id FROM installation_webhook_zones WHERE webhook_id = $1`;

const FORGET_ZONES =
  'DELETE FROM installation_webhook_zones WHERE webhook_id = $1 AND zone_id <> ALL ($2::uuid[])';
