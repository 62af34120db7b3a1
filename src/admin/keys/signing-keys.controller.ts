import { Body, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { instant } from '../../platform/config/clock.js';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { keyState } from '../../keys/rotation/key-schedule.js';
import type { ScheduledKey } from '../../keys/rotation/rotation.js';
import { Rotations } from '../../keys/rotation/rotations.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { keyDetails, AuditedKeyChanges } from './audited-key-changes.service.js';
import { KeyRotation } from './key-rotation.service.js';
import { Change } from '../change.js';
import { InZone } from '../in-zone.js';
import { RotateQuery, SigningKeySettingsBody } from './signing-key.body.js';

function toView(key: ScheduledKey, now: number) {
  return {
    kid: key.kid,
    alg: key.alg,
    state: keyState(key, now),
    published_at: instant(key.publishedAt),
    activates_at: instant(key.activatesAt),
    retires_at: key.retiresAt === null ? null : instant(key.retiresAt),
    expires_at: key.expiresAt === null ? null : instant(key.expiresAt),
    compromised_at: key.compromisedAt === null ? null : instant(key.compromisedAt),
  };
}

function toSettings({ signingAlg, rotationDays, publishX5c }: Zone) {
  return { signing_alg: signingAlg, rotation_days: rotationDays, publish_x5c: publishX5c };
}

/** Shows and rotates the signing keys of a zone, and sets what they are like. */
@AdminController('zones/:zone')
export class SigningKeysController {
  constructor(
    private readonly keyChanges: AuditedKeyChanges,
    private readonly rotation: KeyRotation,
    private readonly rotations: Rotations,
  ) {}

  /** Lists the signing keys of a zone, the newest first, with the state of each. */
  @Get('signing-keys')
  async list(@InZone() zone: Zone) {
    const { keys, now } = await this.rotations.list(zone.id);
    return { ...toSettings(zone), items: keys.map((key) => toView(key, now)) };
  }

  /**
   * Rotates the signing key. The new one is published now and signs once no verifier can have a key
   * set without it; in an emergency it signs at once and whatever signed before is withdrawn.
   */
  @Post('signing-key/rotate')
  @HttpCode(200)
  async rotate(
    @InZone() { id: zoneId }: Zone,
    @CurrentRequestId() requestId: RequestId,
    @Query() { emergency, alg }: RotateQuery,
  ) {
    const { kid, state, ...next } = await this.rotation.rotate({
      zoneId,
      requestId,
      emergency: emergency === 'true',
      alg,
    });
    return {
      rotated: true,
      zone_id: zoneId,
      kid,
      alg: next.alg,
      state,
      activates_at: instant(next.activatesAt),
    };
  }

  /**
   * Changes what the signing keys of a zone are like. Another algorithm is a rotation: a key of it is
   * published now, and what signs goes on until that one may.
   */
  @Patch('signing-key')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Change('signing_key.changed') change: Change,
    @Body() body: SigningKeySettingsBody,
  ) {
    const intent: KeyIntent =
      body.signing_alg === undefined
        ? { want: 'reconcile' }
        : { want: 'standard', alg: body.signing_alg };
    return this.keyChanges.run(change, intent, async (tx, apply, zone) => {
      const before = toSettings(zone);
      const zones = tx.getRepository(Zone);
      const { rotation_days: rotationDays, publish_x5c: publishX5c } = body;
      const columns = {
        ...(rotationDays === undefined ? {} : { rotationDays }),
        ...(publishX5c === undefined ? {} : { publishX5c }),
      };
      if (Object.keys(columns).length > 0) await zones.update({ id: zoneId }, columns);
      const keys = keyDetails(await apply());
      const result = toSettings(await zones.findOneByOrFail({ id: zoneId }));
      return { result, details: { before, after: result, ...keys } };
    });
  }
}
