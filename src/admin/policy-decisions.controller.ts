import {
  Body,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  UnprocessableEntityException,
} from '@nestjs/common';
import { CLOCK, instant, type Clock } from '../config/clock.js';
import { isUuid } from '../oauth/vocabulary.js';
import { PolicyCompileError } from '../policy/compile.js';
import { ManifestMismatchError, simulate, type Simulation } from '../policy/simulation.js';
import { Snapshots } from '../snapshot/snapshots.service.js';
import { AdminController } from './admin-controller.js';
import { found } from './operations.service.js';
import { SimulationBody } from './policy-input.body.js';

/** Answers what policy would say, and which policy this replica has loaded. */
@AdminController('policy')
export class PolicyDecisionsController {
  constructor(
    private readonly snapshots: Snapshots,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Evaluates a bundle on an input as an exchange would. Writes nothing. */
  @Post('simulate')
  @HttpCode(200)
  simulate(@Body() body: SimulationBody): Simulation {
    try {
      return simulate(body);
    } catch (error) {
      if (error instanceof PolicyCompileError) {
        throw new UnprocessableEntityException({
          message: 'the policies do not compile',
          errors: error.errors,
        });
      }
      if (error instanceof ManifestMismatchError) {
        throw new UnprocessableEntityException(error.message);
      }
      throw error;
    }
  }

  /** Shows which policy set version this replica decides a zone's requests by. */
  @Get('status/:zoneID')
  async status(@Param('zoneID') zoneId: string) {
    const snapshot = found(isUuid(zoneId) ? await this.snapshots.find(zoneId) : null, 'zone');
    const { policy, loadedAt } = snapshot;
    if (policy.status === 'none') return { zone_id: zoneId, loaded: false };
    if (policy.status === 'broken') {
      return {
        zone_id: zoneId,
        loaded: false,
        policy_set_version_id: policy.setVersionId,
        problem: policy.problem,
      };
    }
    return {
      zone_id: zoneId,
      loaded: true,
      policy_set_version_id: policy.setVersionId,
      manifest_sha256: policy.manifestSha256,
      loaded_at: instant(loadedAt),
      age_seconds: Math.round((this.clock.now() - loadedAt) / 1_000),
    };
  }
}
