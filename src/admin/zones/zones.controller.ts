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
import { IsNull, type Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import { KeyGeneration } from '../../keys/rotation/key-generation.service.js';
import { Rotations } from '../../keys/rotation/rotations.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { listZone } from '../../zones/zone-directory.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { ZoneBody, ZoneChangeBody, ZonesQuery } from './zone.body.js';
import { TakesTwoPersons } from '../approvals/takes-two-persons.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { conflicting } from '../field-refusals.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { InZone } from '../in-zone.js';
import { checkNotControlZone } from '../operators/control-zone.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { found } from '../find-row.js';
import { containing, having, readPage, seen, type Page } from '../pagination.js';
import { ForSomeZones } from '../permission.js';
import { removing, type Removing } from '../removals/describe-removal.js';
import { Removals } from '../removals/removals.service.js';
import { checkNoFormerIssuer, namingIssuerUrl, readIssuerSettings } from './issuer-settings.js';
import { createZone, generateZoneKeys, NEW_ZONES } from './zone-registration.js';
import { columnsOf } from './zone-change.js';
import { endOrRemove } from './zone-removal.js';
import { contentsOf, type ContentsOfZone } from './zone-contents.js';
import { readLanguages } from './zone-languages.js';
import { readLogo, writeLogo } from './zone-logo.js';
import { toView, type ZoneView } from './zone-view.js';

/** Makes, lists, changes and removes zones. */
@AdminController('zones', { noun: 'zones' })
export class ZonesController {
  constructor(
    @InjectRepository(Zone) private readonly zones: Repository<Zone>,
    private readonly changes: AuditedChanges,
    private readonly removals: Removals,
    private readonly dryRuns: DryRuns,
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
    @CurrentOperator() operator: Operator,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ZoneView> {
    const id = uuidv7();
    const issuer = readIssuerSettings(body, NEW_ZONES, this.env.issuerUrl);
    const change = { zoneId: id, requestId, type: 'zone.created', operator };
    const logo = readLogo(body.logo_uri, null, this.env.issuerUrl) ?? null;
    const languages = readLanguages(body.languages) ?? null;
    const keys = await generateZoneKeys(id, this.sealing, this.generation);
    const settings = {
      id,
      name: body.name,
      displayName: body.display_name ?? null,
      logoDigest: logo?.digest ?? null,
      languages,
      description: body.description ?? null,
      protected: body.protected ?? false,
      ...issuer,
      defaultResources: [...new Set(body.default_resources)],
      introspectionAudit: body.introspection_audit ?? 'none',
      retentionDays: body.retention ?? null,
      policyMaxChanges: body.policy_max_changes ?? null,
    };
    const zone = await this.changes.runWithoutZone(change, async (tx) => {
      const result = await namingIssuerUrl(() => createZone(tx, this.rotations, settings, keys));
      await writeLogo(tx, id, logo ?? undefined);
      await checkNoFormerIssuer(tx, id, issuer.issuerUrl);
      return { result, details: { zone: this.toView(result) } };
    });
    response.location(`/internal/zones/${id}`);
    return tagged(response, this.toView(zone));
  }

  /** Lists zones that the operator may see: all, those that are searched for, or the one of a name. */
  @Get()
  @ForSomeZones()
  async list(
    @Query() query: ZonesQuery,
    @CurrentOperator() operator: Operator,
  ): Promise<Page<ZoneView>> {
    return readPage(this.zones, {}, query, (zone) => this.toView(zone), [
      ...seen('id', operator),
      ...having('name', query.name),
      ...containing(['name', 'display_name', 'description'], query.search),
    ]);
  }

  /** Shows a zone; of one that is being removed, how far that is. */
  @Get(':zone')
  async show(
    @InZone('being removed') zone: Zone,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ZoneView & Removing> {
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
  ): Promise<ZoneView> {
    const languages = readLanguages(body.languages);
    const changed = await this.changes.run(change, async (tx, before) => {
      precondition.check(entityTag(this.toView(before)));
      const zones = tx.getRepository(Zone);
      const logo = readLogo(body.logo_uri, before.logoDigest, this.env.issuerUrl);
      await writeLogo(tx, id, logo);
      const columns = {
        ...(await columnsOf(tx, before, body, this.env.issuerUrl)),
        ...(logo === undefined ? {} : { logoDigest: logo?.digest ?? null }),
        ...(languages === undefined ? {} : { languages }),
      };
      if (Object.keys(columns).length > 0) {
        const updated = { ...columns, updatedAt: () => 'clock_timestamp()' };
        await namingIssuerUrl(() => listZone(tx, id, columns));
        await zones.update({ id }, updated);
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
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 202, description: 'Ended, and being removed' })
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({ status: 409, description: 'It is protected, or on legal hold' })
  @TakesTwoPersons()
  async remove(
    @InZone('being removed') { id, removedAt }: Zone,
    @Change('zone.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<
    DryRun<WouldDelete<ZoneView, ContentsOfZone>> | ({ id: string } & Removing) | undefined
  > {
    const checkRemovable = (zone: Zone): ZoneView => {
      const view = this.toView(zone);
      precondition.check(entityTag(view));
      if (zone.legalHold) throw new ConflictException('the zone is on legal hold');
      if (zone.protected) throw conflicting('protected', 'protected', 'the zone is protected');
      return view;
    };
    if (removedAt === null && isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const zone = await tx.getRepository(Zone).findOneBy({ id, removedAt: IsNull() });
        const view = checkRemovable(found(zone, 'zone'));
        await checkNotControlZone(tx, id);
        return { tag: entityTag(view), would: { delete: view, affects: await contentsOf(tx, id) } };
      });
    }
    if (removedAt === null) {
      await this.changes.run(change, async (tx, zone) => {
        checkRemovable(zone);
        await checkNotControlZone(tx, id);
        return endOrRemove(tx, zone);
      });
    }
    const removal = await this.removals.find(id, id);
    if (removal === null) return undefined;
    response.status(202);
    return { id, ...removing(removal) };
  }

  private toView(zone: Zone): ZoneView {
    return toView(zone, this.env.issuerUrl);
  }
}
