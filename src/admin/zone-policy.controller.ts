import { Body, Get, Param, Put, Req } from '@nestjs/common';
import type { Request } from 'express';
import { requestIdOf } from '../http/request-id.js';
import { PolicySetVersion } from '../policy/policy-set.entity.js';
import type { Zone } from '../zones/zone.entity.js';
import { AdminController } from './admin-controller.js';
import { ActivationBody } from './policy.body.js';
import { found, Operations, zoneExists } from './operations.service.js';
import { activate } from './policy-authoring.js';

function view({ id, activePolicySetVersionId, policyActivatedAt }: Zone) {
  return {
    zone_id: id,
    policy_set_version_id: activePolicySetVersionId,
    activated_at: policyActivatedAt,
  };
}

/** Says which policy set version decides in a zone. */
@AdminController('zones/:zone/policy')
export class ZonePolicyController {
  constructor(private readonly operations: Operations) {}

  /** Shows which policy set version is active. */
  @Get()
  async show(@Param('zone') zoneId: string) {
    return view(await zoneExists(this.operations.read, zoneId));
  }

  /** Activates a policy set version. It decides from the next request on, on every replica. */
  @Put()
  async activate(
    @Param('zone') zoneId: string,
    @Body() body: ActivationBody,
    @Req() request: Request,
  ) {
    await zoneExists(this.operations.read, zoneId);
    const change = { zoneId, requestId: requestIdOf(request), type: 'policy.activated' };
    const zone = await this.operations.change(change, async (tx) => {
      await tx.query('SELECT 1 FROM zones WHERE id = $1 FOR UPDATE', [zoneId]);
      const before = await zoneExists(tx, zoneId);
      const where = { zoneId, id: body.policy_set_version_id };
      const version = found(await tx.findOne(PolicySetVersion, { where }), 'policy set version');
      await activate(tx, zoneId, version.id);
      const after = await zoneExists(tx, zoneId);
      return {
        result: after,
        details: { before: before.activePolicySetVersionId, after: version.id },
      };
    });
    return view(zone);
  }
}
