import { Body, Delete, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import { KeyGeneration } from '../../keys/rotation/key-generation.service.js';
import { Rotations } from '../../keys/rotation/rotations.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { Resource } from '../../zones/resource.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { ZoneBody } from './zone.body.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { createZone, generateZoneKeys } from './zone-registration.js';

function toView({ id, name, createdAt }: Zone) {
  return { id, name, created_at: createdAt };
}

/** Makes, lists and removes zones. */
@AdminController('zones')
export class ZonesController {
  constructor(
    @InjectRepository(Zone) private readonly zones: Repository<Zone>,
    private readonly changes: AuditedChanges,
    private readonly sealing: Sealing,
    private readonly generation: KeyGeneration,
    private readonly rotations: Rotations,
  ) {}

  /** Makes a zone, with a signing key. */
  @Post()
  async create(
    @Body() body: ZoneBody,
    @CurrentRequestId() requestId: RequestId,
    @Res({ passthrough: true }) response: Response,
  ) {
    const id = uuidv7();
    const change = { zoneId: id, requestId, type: 'zone.created' };
    const keys = await generateZoneKeys(id, this.sealing, this.generation);
    const zone = await this.changes.runWithoutZone(change, async (tx) => ({
      result: await createZone(tx, this.rotations, { id, name: body.name }, keys),
      details: { zone: { id, name: body.name } },
    }));
    response.location(`/internal/zones/${id}`);
    return toView(zone);
  }

  /** Lists zones. */
  @Get()
  async list(@Query() page: PageQuery) {
    return readPage(this.zones, {}, page, toView);
  }

  /** Shows a zone. */
  @Get(':zone')
  show(@InZone() zone: Zone) {
    return toView(zone);
  }

  /** Removes a zone and everything in it, except what the audit log says of it. */
  @Delete(':zone')
  @HttpCode(204)
  async remove(@InZone() { id }: Zone, @Change('zone.deleted') change: Change): Promise<void> {
    await this.changes.run(change, async (tx, { name }) => {
      // Before the clients, which may own them.
      await tx.getRepository(Resource).delete({ zoneId: id });
      await tx.getRepository(Zone).delete({ id });
      return { result: undefined, details: { zone: { id, name } } };
    });
  }
}
