import { Body, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { instant } from '../../platform/config/clock.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { keyState } from '../../keys/rotation/key-schedule.js';
import type { ScheduledKey } from '../../keys/rotation/rotation.js';
import { Rotations } from '../../keys/rotation/rotations.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { keyDetails, AuditedKeyChanges } from './audited-key-changes.service.js';
import { KeyRotation } from './key-rotation.service.js';
import { AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { RotateQuery, SigningKeySettingsBody } from './signing-key.body.js';

function view(key: ScheduledKey, now: number) {
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

function settings({ signingAlg, rotationDays, publishX5c }: Zone) {
  return { signing_alg: signingAlg, rotation_days: rotationDays, publish_x5c: publishX5c };
}

/** Shows and rotates the signing keys of a zone, and sets what they are like. */
@AdminController('zones/:zone')
export class SigningKeysController {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly keyChanges: AuditedKeyChanges,
    private readonly rotation: KeyRotation,
    private readonly rotations: Rotations,
  ) {}

  /** Lists the signing keys of a zone, the newest first, with the state of each. */
  @Get('signing-keys')
  async list(@Param('zone') zoneId: string) {
    const zone = await zoneExists(this.changes.read, zoneId);
    const { keys, now } = await this.rotations.list(this.changes.read, zoneId);
    return { ...settings(zone), items: keys.map((key) => view(key, now)) };
  }

  /**
   * Rotates the signing key. The new one is published now and signs once no verifier can have a key
   * set without it; in an emergency it signs at once and whatever signed before is withdrawn.
   */
  @Post('signing-key/rotate')
  @HttpCode(200)
  async rotate(
    @Param('zone') zoneId: string,
    @Query() { emergency, alg }: RotateQuery,
    @Req() request: Request,
  ) {
    const { kid, state, ...next } = await this.rotation.rotate({
      zoneId,
      requestId: requestIdOf(request),
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
    @Param('zone') zoneId: string,
    @Body() body: SigningKeySettingsBody,
    @Req() request: Request,
  ) {
    const before = settings(await zoneExists(this.changes.read, zoneId));
    const change = { zoneId, requestId: requestIdOf(request), type: 'signing_key.changed' };
    const intent: KeyIntent =
      body.signing_alg === undefined
        ? { want: 'reconcile' }
        : { want: 'standard', alg: body.signing_alg };
    return this.keyChanges.run(change, intent, async (tx, apply) => {
      const { rotation_days: rotationDays, publish_x5c: publishX5c } = body;
      const columns = {
        ...(rotationDays === undefined ? {} : { rotationDays }),
        ...(publishX5c === undefined ? {} : { publishX5c }),
      };
      if (Object.keys(columns).length > 0) await tx.update(Zone, { id: zoneId }, columns);
      const keys = keyDetails(await apply());
      const result = settings(await zoneExists(tx, zoneId));
      return { result, details: { before, after: result, ...keys } };
    });
  }
}
