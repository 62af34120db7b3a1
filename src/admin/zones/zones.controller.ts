import { Body, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { requestIdOf } from '../../platform/http/request-id.js';
import { KeyGeneration } from '../../keys/rotation/key-generation.service.js';
import { Rotations } from '../../keys/rotation/rotations.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { ZoneBody } from './zone.body.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { createZone, generateZoneKeys } from './zone-registration.js';

function view({ id, name, createdAt }: Zone) {
  return { id, name, created_at: createdAt };
}

/** Makes, lists and removes zones. */
@AdminController('zones')
export class ZonesController {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly sealing: Sealing,
    private readonly generation: KeyGeneration,
    private readonly rotations: Rotations,
  ) {}

  /** Makes a zone, with a signing key. */
  @Post()
  async create(
    @Body() body: ZoneBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const id = uuidv7();
    const change = { zoneId: id, requestId: requestIdOf(request), type: 'zone.created' };
    const keys = await generateZoneKeys(id, this.sealing, this.generation);
    const zone = await this.changes.run(change, async (tx) => ({
      result: await createZone(tx, this.rotations, { id, name: body.name }, keys),
      details: { zone: { id, name: body.name } },
    }));
    response.location(`/internal/zones/${id}`);
    return view(zone);
  }

  /** Lists zones. */
  @Get()
  async list(@Query() page: PageQuery) {
    return readPage(this.changes.read, Zone, {}, page, view);
  }

  /** Shows a zone. */
  @Get(':zone')
  async show(@Param('zone') zone: string) {
    return view(await zoneExists(this.changes.read, zone));
  }

  /** Removes a zone and everything in it, except what the audit log says of it. */
  @Delete(':zone')
  @HttpCode(204)
  async remove(@Param('zone') zoneId: string, @Req() request: Request): Promise<void> {
    const change = { zoneId, requestId: requestIdOf(request), type: 'zone.deleted' };
    await zoneExists(this.changes.read, zoneId);
    await this.changes.run(change, async (tx) => {
      const zone = found(await tx.findOne(Zone, { where: { id: zoneId } }), 'zone');
      // Before the clients, which may own them.
      await tx.query('DELETE FROM resources WHERE zone_id = $1', [zoneId]);
      await tx.delete(Zone, { id: zoneId });
      return { result: undefined, details: { zone: { id: zoneId, name: zone.name } } };
    });
  }
}
