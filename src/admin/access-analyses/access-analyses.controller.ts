import { Body, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { instant } from '../../platform/config/clock.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { newId } from '../../platform/uuid-v7.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { InZone } from '../in-zone.js';
import { ScanRequests } from '../log-scans/scan-requests.js';
import { ScansQuery } from '../log-scans/scans-query.body.js';
import { having, readPage, type Page } from '../pagination.js';
import { AccessAnalysisBody, DEFAULT_DAYS } from './access-analysis.body.js';
import { AccessAnalysis } from './access-analysis.entity.js';
import { toView, type AccessAnalysisView } from './access-analysis-view.js';
import { toResult, type AccessAnalysisResult } from './advice.js';
import { ANALYSES_JOB } from './analysing.service.js';
import { NOTHING_ANALYSED } from './analysis-progress.js';
import { ANALYSIS_TABLE, logKeptSince, makeRoomForAnalysis } from './analysis-rows.js';

const REQUESTS = new ScanRequests({
  entity: AccessAnalysis,
  table: ANALYSIS_TABLE,
  called: { any: 'an access analysis', this: 'the analysis', missing: 'access analysis' },
  job: ANALYSES_JOB,
  makeRoom: makeRoomForAnalysis,
});

/** Finds what of the authority of a zone nobody has used, in the background, and advises what could be taken away. */
@AdminController('zones/:zone/access-analyses', { noun: 'policies' })
export class AccessAnalysesController {
  constructor(
    @InjectRepository(AccessAnalysis) private readonly analyses: Repository<AccessAnalysis>,
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly changes: AuditedChanges,
  ) {}

  /**
   * Begins to look through the token requests of the last days for what of the zone's authority was used: by clients, and by
   * delegations. Nothing is changed by it, and one is under way in a zone at a time.
   */
  @Post()
  @ApiResponse({ status: 409, description: 'One is under way in the zone' })
  async start(
    @InZone() { id: zoneId }: Zone,
    @Change('access_analysis.started') change: Change,
    @Body() { days = DEFAULT_DAYS }: AccessAnalysisBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AccessAnalysisView> {
    const view = await this.changes.run(change, async (tx, zone) => {
      const sinceMs = await logKeptSince(tx, zoneId);
      const asked = { operator: change.operator.name, days, sinceMs };
      const scan = await REQUESTS.prepare(tx, zone, asked);
      const logCompleteSince = instant(Math.max(zone.createdAt.getTime(), sinceMs));
      const id = newId();
      const progress = NOTHING_ANALYSED;
      await tx
        .getRepository(AccessAnalysis)
        .insert({ zoneId, id, scan, days, logCompleteSince, progress });
      return changed(await REQUESTS.find(tx, zoneId, id));
    });
    response.location(`/internal/zones/${zoneId}/access-analyses/${view.id}`);
    return view;
  }

  /** Lists analyses, those that are over too: for 30 days, and ten of a zone at most. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() { state, ...page }: ScansQuery,
  ): Promise<Page<AccessAnalysisView>> {
    return readPage(this.analyses, { zoneId }, page, toView, having('state', state));
  }

  /**
   * Shows how far an analysis is, and, once it is over, what was not used of what is registered now, with the policies and
   * requests that would take it away.
   */
  @Get(':id')
  async show(@InZone() zone: Zone, @Param('id') id: string): Promise<AccessAnalysisResult> {
    return toResult(this.read, zone, await REQUESTS.find(this.read, zone.id, id));
  }

  /** Cancels an analysis that is under way. */
  @Post(':id/cancel')
  @HttpCode(200)
  @ApiResponse({ status: 409, description: 'It is over' })
  async cancel(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('access_analysis.cancelled') change: Change,
  ): Promise<AccessAnalysisView> {
    await REQUESTS.find(this.read, zoneId, id);
    return this.changes.run(change, async (tx) => changed(await REQUESTS.cancel(tx, zoneId, id)));
  }
}

function changed(analysis: AccessAnalysis) {
  const result = toView(analysis);
  return { result, details: { access_analysis: recorded(result) } };
}

/** What is recorded of an analysis: not what it has found, which is in the log already. */
function recorded({ id, base, days, from, to }: AccessAnalysisView) {
  return { id, base, days, from, to };
}
