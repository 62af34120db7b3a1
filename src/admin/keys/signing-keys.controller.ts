import { Body, ConflictException, Get, HttpCode, Patch, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { EntityManager } from 'typeorm';
import { instant } from '../../platform/config/clock.js';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { Rotations } from '../../keys/rotation/rotations.service.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { keyDetails, AuditedKeyChanges } from './audited-key-changes.service.js';
import { KeyRotation } from './key-rotation.service.js';
import { Change } from '../change.js';
import { DryRuns, isDryRun, type DryRun } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { foreseeRotation } from './foreseen-rotation.js';
import {
  toSettings,
  toView,
  type RotatedKeyView,
  type SigningKeySettingsView,
  type SigningKeysView,
  type WouldRotate,
} from './signing-key-view.js';
import { InZone } from '../in-zone.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { Permission } from '../permission.js';
import { RotateQuery, SigningKeySettingsBody } from './signing-key.body.js';

/** Shows and rotates the signing keys of a zone, and sets what they are like. */
@AdminController('zones/:zone', { noun: 'keys' })
export class SigningKeysController {
  constructor(
    private readonly keyChanges: AuditedKeyChanges,
    private readonly rotation: KeyRotation,
    private readonly rotations: Rotations,
    private readonly dryRuns: DryRuns,
  ) {}

  /** Lists the signing keys of a zone, the newest first, with the state of each. Its ETag is what `If-Match` takes. */
  @Get('signing-keys')
  async list(
    @InZone() zone: Zone,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SigningKeysView> {
    const { keys, now } = await this.rotations.list(zone.id);
    return tagged(response, toView(zone, keys, now));
  }

  /**
   * Rotates the signing key. The new one is published now and signs once no verifier can have a key
   * set without it; in an emergency it signs at once and whatever signed before is withdrawn. `dry_run=true` says which
   * keys that is about, and how many mandates would not verify any more.
   */
  @Post('signing-key/rotate')
  @Permission('keys:rotate')
  @HttpCode(200)
  async rotate(
    @InZone() zone: Zone,
    @CurrentRequestId() requestId: RequestId,
    @CurrentOperator() operator: Operator,
    @IfMatch() precondition: Precondition,
    @Query() query: RotateQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RotatedKeyView | DryRun<WouldRotate>> {
    const { id: zoneId } = zone;
    const { alg } = query;
    const emergency = query.emergency === 'true';
    const check = async (tx: EntityManager, now: Zone): Promise<void> => {
      precondition.check(await this.tagOf(tx, now));
    };
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        await check(tx, zone);
        const intent: KeyIntent = { want: emergency ? 'emergency' : 'rotation', alg };
        const plan = await this.rotations.plan(tx, zoneId, intent);
        // Of an algorithm that is not in use there is nothing to rotate.
        if (alg !== undefined && plan.changes.length === 0 && !(await this.has(tx, zoneId, alg))) {
          throw new ConflictException(`the zone has no ${alg} key`);
        }
        return { tag: await this.tagOf(tx, zone), would: await foreseeRotation(tx, zoneId, plan) };
      });
    }
    const rotation = { zoneId, requestId, operator, emergency, alg, check };
    const { kid, state, ...next } = await this.rotation.rotate(rotation);
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
    @IfMatch() precondition: Precondition,
    @Body() body: SigningKeySettingsBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SigningKeySettingsView> {
    const intent: KeyIntent =
      body.signing_alg === undefined
        ? { want: 'reconcile' }
        : { want: 'standard', alg: body.signing_alg };
    const changed = await this.keyChanges.run(change, intent, async (tx, apply, zone) => {
      precondition.check(await this.tagOf(tx, zone));
      const before = toSettings(zone);
      const zones = tx.getRepository(Zone);
      const { rotation_days: rotationDays, publish_x5c: publishX5c } = body;
      const columns = {
        ...(rotationDays === undefined ? {} : { rotationDays }),
        ...(publishX5c === undefined ? {} : { publishX5c }),
      };
      if (Object.keys(columns).length > 0) await zones.update({ id: zoneId }, columns);
      const keys = keyDetails(await apply());
      const after = await zones.findOneByOrFail({ id: zoneId });
      const settings = toSettings(after);
      return {
        result: { settings, tag: await this.tagOf(tx, after) },
        details: { before, after: settings, ...keys },
      };
    });
    response.setHeader('ETag', changed.tag);
    return changed.settings;
  }

  /** The entity tag of the keys of a zone, as a transaction sees them. */
  private async tagOf(tx: EntityManager, zone: Zone): Promise<string> {
    const { keys, now } = await this.rotations.list(zone.id, tx);
    return entityTag(toView(zone, keys, now));
  }

  private async has(tx: EntityManager, zoneId: string, alg: ZoneAlg): Promise<boolean> {
    const { keys } = await this.rotations.list(zoneId, tx);
    return keys.some((key) => key.alg === alg);
  }
}
