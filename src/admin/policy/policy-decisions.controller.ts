import {
  BadRequestException,
  Body,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import { IsNull, type EntityManager, type Repository } from 'typeorm';
import { CLOCK, instant, type Clock } from '../../platform/config/clock.js';
import { outageOf } from '../../platform/database/outage.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import { BackgroundFailure } from '../../policy/background/background.js';
import { UncompilablePolicy, type PolicySource } from '../../policy/engine/compile.js';
import { loadModules } from '../../policy/engine/load-modules.js';
import { PolicySetVersion } from '../../policy/policy-set.entity.js';
import type { ActivePolicy } from '../../policy/policy-sets.service.js';
import {
  SimulationBusy,
  simulateInBackground,
} from '../../policy/background/simulate-in-background.js';
import {
  ManifestMismatch,
  SimulationTooLarge,
  type BatchSimulation,
  type Simulation,
  type SimulationBundle,
} from '../../policy/engine/simulation.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { CurrentOperator, seesZone, type Operator } from '../operators/operator.js';
import { ForSomeZones, Permission } from '../permission.js';
import { findRow, found } from '../find-row.js';
import { GatewayGuard } from './gateway.guard.js';
import { POLICY_WORK_MS, withPolicy } from './policy-check.js';
import { SimulationBody } from './simulation.body.js';

/** Answers what policy would say, and which policy this replica has loaded. */
@AdminController('policy', { noun: 'policies', guards: [GatewayGuard] })
export class PolicyDecisionsController {
  constructor(
    private readonly snapshots: Snapshots,
    @InjectRepository(Zone) private readonly zones: Repository<Zone>,
    @InjectRepository(PolicySetVersion) private readonly setVersions: Repository<PolicySetVersion>,
    @InjectEntityManager() private readonly read: EntityManager,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Evaluates policies on an input, or on each of several, as an exchange would. Writes nothing, and
   * runs on a thread of its own, within limits.
   */
  @Post('simulate')
  @Permission('policies:read')
  @ForSomeZones()
  @HttpCode(200)
  @AnswerWithin(POLICY_WORK_MS)
  async simulate(
    @Body() body: SimulationBody,
    @CurrentOperator() operator: Operator,
  ): Promise<Simulation | BatchSimulation> {
    const { input, inputs, policies, ...named } = body;
    const bundle =
      policies === undefined ? await this.stored(named, operator) : { ...named, policies };
    try {
      if (input !== undefined && inputs === undefined) {
        return await simulateInBackground({ ...bundle, input });
      }
      if (inputs !== undefined && input === undefined) {
        return await simulateInBackground({ ...bundle, inputs });
      }
    } catch (error) {
      throw describe(error);
    }
    throw new BadRequestException('either input or inputs is needed');
  }

  /**
   * Shows which policy set version this replica decides a zone's requests by. While it cannot load the zone it decides
   * none of them, and says so.
   */
  @Get('status/:zoneID')
  @AnswerWithin(POLICY_WORK_MS)
  async status(@Param('zoneID') zoneId: string) {
    const zone = await findRow(this.zones, { id: zoneId, removedAt: IsNull() }, 'zone');
    const snapshot = await this.loaded(zone);
    if (snapshot === 'not now') {
      const { activePolicySetVersionId: policy_set_version_id } = zone;
      const problem = 'the zone cannot be loaded now';
      return { zone_id: zoneId, loaded: false, policy_set_version_id, problem };
    }
    const { policy, shadow, loadedAt } = found(snapshot, 'zone');
    return {
      zone_id: zoneId,
      ...statusOf(policy),
      ...(policy.status === 'ready' && {
        loaded_at: instant(loadedAt),
        age_seconds: Math.round((this.clock.now() - loadedAt) / 1_000),
      }),
      ...(shadow.policy?.status !== 'none' && { shadow: statusOf(shadow.policy) }),
    };
  }

  /** The zone as this replica has it, or has loaded it for that. */
  private async loaded({ id }: Zone): Promise<ZoneSnapshot | null | 'not now'> {
    try {
      return await withPolicy(() => this.snapshots.find(id));
    } catch (error) {
      // Zones are loaded on the connections of requests, which may be what the operator is looking for.
      const busy = error instanceof OAuthError && error.code === 'temporarily_unavailable';
      if (busy || outageOf(error) !== null) return 'not now';
      throw error;
    }
  }

  /** The bundle that `version_id` names. */
  private async stored(
    named: Omit<SimulationBundle, 'policies'>,
    operator: Operator,
  ): Promise<SimulationBundle> {
    const { version_id: id } = named;
    if (id === undefined) throw new BadRequestException('either policies or version_id is needed');
    const stored = await findRow(this.setVersions, { id }, 'policy set version');
    const version = found(seesZone(operator, stored.zoneId) ? stored : null, 'policy set version');
    const { zoneId, policySetId, manifestSha256 } = version;
    if ((named.policy_set_id ?? policySetId) !== policySetId) {
      throw new UnprocessableEntityException('the version is one of another policy set');
    }
    const { modules, problem } = await loadModules(this.read, zoneId, id);
    if (problem !== null) throw new UnprocessableEntityException(problem);
    const policies: readonly PolicySource[] = modules;
    // Members that were left out are there, and undefined: they must not stand in for what is stored.
    return {
      version_id: id,
      policy_set_id: policySetId,
      manifest_sha256: named.manifest_sha256 ?? manifestSha256,
      policies,
    };
  }
}

function statusOf(policy: ActivePolicy | null) {
  if (policy === null || policy.status === 'none') return { loaded: false };
  const { setVersionId } = policy;
  return policy.status === 'broken'
    ? { loaded: false, policy_set_version_id: setVersionId, problem: policy.problem }
    : {
        loaded: true,
        policy_set_version_id: setVersionId,
        manifest_sha256: policy.manifestSha256,
      };
}

function describe(error: unknown): unknown {
  if (error instanceof UncompilablePolicy) {
    return new UnprocessableEntityException({
      message: 'the policies do not compile',
      errors: error.errors,
    });
  }
  if (error instanceof ManifestMismatch || error instanceof SimulationTooLarge) {
    return new UnprocessableEntityException(error.message);
  }
  if (error instanceof SimulationBusy) {
    return new OAuthError('slow_down', 'too many simulations are under way', {
      retryAfter: 5,
      cause: error,
    });
  }
  return error instanceof BackgroundFailure ? unavailable('the simulator was lost', error) : error;
}
