import { HttpCode, Param, ParseBoolPipe, Post, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { instant } from '../config/clock.js';
import { requestIdOf } from '../http/request-id.js';
import { Rotations } from '../keys/rotations.service.js';
import { AdminController } from './admin-controller.js';
import { Operations, zoneExists } from './operations.service.js';

/** Rotates the signing key of a zone. */
@AdminController('zones/:zone/signing-key')
export class SigningKeysController {
  constructor(
    private readonly operations: Operations,
    private readonly rotations: Rotations,
  ) {}

  /**
   * Rotates the signing key. The new one is published now and signs once no verifier can have a key
   * set without it; in an emergency it signs at once and whatever signed before is withdrawn.
   */
  @Post('rotate')
  @HttpCode(200)
  async rotate(
    @Param('zone') zoneId: string,
    @Query('emergency', new ParseBoolPipe({ optional: true })) emergency: boolean | undefined,
    @Req() request: Request,
  ) {
    await zoneExists(this.operations.read, zoneId);
    const change = { zoneId, requestId: requestIdOf(request), type: 'signing_key.rotated' };
    const rotation = await this.operations.change(change, async (tx) => {
      const result = await this.rotations.rotate(tx, zoneId, emergency ?? false);
      const { kid, state, withdrawnKids } = result;
      return {
        result,
        details: { kid, state, emergency: emergency ?? false, withdrawn_kids: withdrawnKids },
      };
    });
    return {
      rotated: true,
      zone_id: zoneId,
      kid: rotation.kid,
      state: rotation.state,
      activates_at: instant(rotation.activatesAt),
    };
  }
}
