import { Body, ConflictException, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { In, type EntityManager, type Repository } from 'typeorm';
import { instant } from '../../platform/config/clock.js';
import { databaseNow } from '../../platform/database/database-now.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { newId } from '../../platform/uuid-v7.js';
import { PolicySetVersion } from '../../policy/policy-set.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { having, readPage, type Page } from '../pagination.js';
import { AccessAnalysesQuery, AccessAnalysisBody, DEFAULT_DAYS } from './access-analysis.body.js';
import { AccessAnalysis } from './access-analysis.entity.js';
import { toView, type AccessAnalysisView } from './access-analysis-view.js';
import { toResult, type AccessAnalysisResult } from './advice.js';
import { ANALYSES_JOB, KEPT } from './analysing.service.js';
import { NOTHING_ANALYSED } from './analysis-progress.js';
import { KEPT_SINCE } from './analysis-rows.js';

const DAY_MS = 86_400_000;
/** The most rows of uses of an analysis that goes while somebody waits; larger ones the job forgets, piece by piece. */
const FEW_USES = 5_000;

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
    const view = await this.changes.run(
      change,
      async (tx, { activePolicySetVersionId: active, createdAt }) => {
        const analyses = tx.getRepository(AccessAnalysis);
        if (await analyses.existsBy({ zoneId, state: In(['queued', 'running']) })) {
          throw new ConflictException(
            'an access analysis is under way in the zone: wait for it, or cancel it',
          );
        }
        await tx.query(FORGET, [zoneId, KEPT - 1, FEW_USES]);
        const base =
          active === null
            ? null
            : await tx.getRepository(PolicySetVersion).findOneByOrFail({ zoneId, id: active });
        const now = await databaseNow(tx);
        const keptSince = await logKeptSince(tx, zoneId);
        const id = newId();
        await analyses.insert({
          zoneId,
          id,
          operator: change.operator.name,
          days,
          basePolicySetVersionId: active,
          baseManifestSha256: base?.manifestSha256 ?? null,
          fromAt: instant(Math.max(now - days * DAY_MS, keptSince)),
          toAt: instant(now),
          logCompleteSince: instant(Math.max(createdAt.getTime(), keptSince)),
          progress: NOTHING_ANALYSED,
        });
        await tx.query('SELECT wake_job($1)', [ANALYSES_JOB]);
        const result = toView(await analyses.findOneByOrFail({ zoneId, id }));
        return { result, details: { access_analysis: recorded(result) } };
      },
    );
    response.location(`/internal/zones/${zoneId}/access-analyses/${view.id}`);
    return view;
  }

  /** Lists analyses, those that are over too: for 30 days, and ten of a zone at most. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() { state, ...page }: AccessAnalysesQuery,
  ): Promise<Page<AccessAnalysisView>> {
    return readPage(this.analyses, { zoneId }, page, toView, having('state', state));
  }

  /**
   * Shows how far an analysis is, and, once it is over, what was not used of what is registered now, with the policies and
   * requests that would take it away.
   */
  @Get(':id')
  async show(@InZone() zone: Zone, @Param('id') id: string): Promise<AccessAnalysisResult> {
    const analysis = await findRow(this.analyses, { zoneId: zone.id, id }, 'access analysis');
    return toResult(this.read, zone, analysis);
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
    await findRow(this.analyses, { zoneId, id }, 'access analysis');
    return this.changes.run(change, async (tx) => {
      const analyses = tx.getRepository(AccessAnalysis);
      const [, cancelled] = await tx.query<[unknown[], number]>(CANCEL, [zoneId, id]);
      const after = await findRow(analyses, { zoneId, id }, 'access analysis');
      if (cancelled === 0)
        throw new ConflictException(`the analysis is over: it is ${after.state}`);
      const result = toView(after);
      return { result, details: { access_analysis: recorded(result) } };
    });
  }
}

/** What is recorded of an analysis: not what it has found, which is in the log already. */
function recorded({ id, base, days, from, to }: AccessAnalysisView) {
  return { id, base, days, from, to };
}

/** Since when no day of a zone's log has gone, in milliseconds since the epoch; 0 if none ever has. */
async function logKeptSince(tx: EntityManager, zoneId: string): Promise<number> {
  const [row] = await tx.query<{ since: number | null }[]>(SINCE, [zoneId]);
  return row?.since ?? 0;
}

const SINCE = `SELECT (extract(epoch FROM ${KEPT_SINCE}) * 1000)::float8 AS since`;
const FORGET = `
  DELETE FROM access_analyses
   WHERE zone_id = $1 AND id IN (
           SELECT id FROM access_analyses WHERE zone_id = $1 AND finished_at IS NOT NULL ORDER BY id DESC OFFSET $2)
     AND uses <= $3`;
const CANCEL = `
  UPDATE access_analyses SET state = 'cancelled', finished_at = clock_timestamp()
   WHERE zone_id = $1 AND id = $2 AND state IN ('queued', 'running')`;
