import {
  Body,
  ConflictException,
  Delete,
  Get,
  HttpCode,
  Inject,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import { KeyGeneration } from '../../keys/rotation/key-generation.service.js';
import { Rotations } from '../../keys/rotation/rotations.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { Resource } from '../../zones/resource.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { ZoneBody, ZoneChangeBody } from './zone.body.js';
import { AuditedChanges, type Made } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { endZone, isSmall, type Ended } from '../removals/ending.js';
import { removing } from '../removals/describe-removal.js';
import { Removals } from '../removals/removals.service.js';
import { checkDefaultResources } from './default-resources.js';
import {
  checkNoFormerIssuer,
  issuerChange,
  namingIssuerUrl,
  readIssuerSettings,
} from './issuer-settings.js';
import { createZone, generateZoneKeys, NEW_ZONES } from './zone-registration.js';
import { toView } from './zone-view.js';

/** Makes, lists, changes and removes zones. */
@AdminController('zones')
export class ZonesController {
  constructor(
    @InjectRepository(Zone) private readonly zones: Repository<Zone>,
    private readonly changes: AuditedChanges,
    private readonly removals: Removals,
    private readonly sealing: Sealing,
    private readonly generation: KeyGeneration,
    private readonly rotations: Rotations,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Makes a zone, with a signing key. */
  @Post()
  async create(
    @Body() body: ZoneBody,
    @CurrentRequestId() requestId: RequestId,
    @Res({ passthrough: true }) response: Response,
  ) {
    const id = uuidv7();
    const issuer = readIssuerSettings(body, NEW_ZONES, this.env.issuerUrl);
    const change = { zoneId: id, requestId, type: 'zone.created' };
    const keys = await generateZoneKeys(id, this.sealing, this.generation);
    const settings = {
      id,
      name: body.name,
      displayName: body.display_name ?? null,
      ...issuer,
      defaultResources: [...new Set(body.default_resources)],
      introspectionAudit: body.introspection_audit ?? 'none',
    };
    const zone = await this.changes.runWithoutZone(change, async (tx) => {
      const result = await namingIssuerUrl(() => createZone(tx, this.rotations, settings, keys));
      await checkNoFormerIssuer(tx, id, issuer.issuerUrl);
      return { result, details: { zone: this.toView(result) } };
    });
    response.location(`/internal/zones/${id}`);
    return tagged(response, this.toView(zone));
  }

  /** Lists zones. */
  @Get()
  async list(@Query() page: PageQuery) {
    return readPage(this.zones, {}, page, (zone) => this.toView(zone));
  }

  /** Shows a zone; of one that is being removed, how far that is. */
  @Get(':zone')
  async show(@InZone('being removed') zone: Zone, @Res({ passthrough: true }) response: Response) {
    if (zone.removedAt === null) return tagged(response, this.toView(zone));
    return { ...this.toView(zone), ...removing(await this.removals.find(zone.id, zone.id)) };
  }

  /**
   * Changes a zone (a merge patch, RFC 7396). The issuer before a change of it is accepted for 62 minutes more, and nothing
   * is minted in its name.
   */
  @Patch(':zone')
  async change(
    @InZone() { id }: Zone,
    @Change('zone.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: ZoneChangeBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const changed = await this.changes.run(change, async (tx, before) => {
      precondition.check(entityTag(this.toView(before)));
      const zones = tx.getRepository(Zone);
      const columns = await columnsOf(tx, before, body, this.env.issuerUrl);
      if (Object.keys(columns).length > 0) {
        await namingIssuerUrl(() => zones.update({ id }, columns));
        await checkNoFormerIssuer(tx, id, columns.issuerUrl);
      }
      const result = await zones.findOneByOrFail({ id });
      return { result, details: { before: this.toView(before), after: this.toView(result) } };
    });
    return tagged(response, this.toView(changed));
  }

  /**
   * Removes a zone and everything in it, except what the audit log says of it. Nothing in it is of use to
   * any caller from that moment. If it is too much to be removed at once, the answer is 202, and it is removed in
   * the background.
   */
  @Delete(':zone')
  @HttpCode(204)
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({ status: 202, description: 'Ended, and being removed' })
  @ApiResponse({ status: 409, description: 'It is on legal hold' })
  async remove(
    @InZone('being removed') { id, removedAt }: Zone,
    @Change('zone.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ) {
    if (removedAt === null) {
      await this.changes.run(change, (tx, zone) => {
        precondition.check(entityTag(this.toView(zone)));
        if (zone.legalHold) throw new ConflictException('the zone is on legal hold');
        return endOrRemove(tx, zone);
      });
    }
    const removal = await this.removals.find(id, id);
    if (removal === null) return undefined;
    response.status(202);
    return { id, ...removing(removal) };
  }

  private toView(zone: Zone) {
    return toView(zone, this.env.issuerUrl);
  }
}

/** The columns that a change of a zone writes. */
async function columnsOf(
  tx: EntityManager,
  before: Zone,
  {
    name,
    display_name: displayName,
    default_resources: wanted,
    introspection_audit: audit,
    legal_hold: legalHold,
    ...issuer
  }: ZoneChangeBody,
  installation: string,
): Promise<Partial<Zone>> {
  const { id, defaultResources } = before;
  return {
    ...(name === undefined ? {} : { name }),
    ...(displayName === undefined ? {} : { displayName }),
    ...(wanted === undefined
      ? {}
      : { defaultResources: await checkDefaultResources(tx, id, wanted, defaultResources) }),
    ...(legalHold === undefined ? {} : { legalHold }),
    ...(audit === undefined ? {} : { introspectionAudit: audit ?? 'none' }),
    ...(await issuerChange(tx, before, issuer, installation)),
  };
}

async function endOrRemove(tx: EntityManager, { id, name }: Zone): Promise<Made<void>> {
  const ended: Ended = { kind: 'zone', zoneId: id, id, name };
  const small = await isSmall(tx, ended);
  if (small) {
    // Before the clients, which may own them.
    await tx.getRepository(Resource).delete({ zoneId: id });
    await tx.getRepository(Zone).delete({ id });
  } else {
    await endZone(tx, ended);
  }
  return {
    result: undefined,
    details: { zone: { id, name }, ...(small ? {} : { removing: true }) },
  };
}
