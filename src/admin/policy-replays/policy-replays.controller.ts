import { Body, ConflictException, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { In, type EntityManager, type Repository } from 'typeorm';
import { instant } from '../../platform/config/clock.js';
import { databaseNow } from '../../platform/database/database-now.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
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
import { POLICY_WORK_MS } from '../policy/policy-check.js';
import { candidateOf } from './candidate.js';
import {
  DEFAULT_DAYS,
  DEFAULT_DECISIONS,
  PolicyReplayBody,
  PolicyReplaysQuery,
} from './policy-replay.body.js';
import { PolicyReplay } from './policy-replay.entity.js';
import {
  toResult,
  toView,
  type PolicyReplayResult,
  type PolicyReplayView,
} from './policy-replay-view.js';
import { NOTHING_REPLAYED } from './replay-progress.js';
import { REPLAYS_JOB } from './replaying.service.js';

const DAY_MS = 86_400_000;
/** Replays that are kept of one zone; older ones go when there is another. */
const KEPT = 100;

/** Tries policies on the decisions of the last days, in the background. */
@AdminController('zones/:zone/policy-replays', { noun: 'policies' })
export class PolicyReplaysController {
  constructor(
    @InjectRepository(PolicyReplay) private readonly replays: Repository<PolicyReplay>,
    @InjectRepository(PolicySetVersion) private readonly setVersions: Repository<PolicySetVersion>,
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly changes: AuditedChanges,
  ) {}

  /**
   * Begins to make the recorded decisions of the last days again by candidate policies, and to compare them with what the
   * active policies say of the same inputs. Nothing is decided by it, and one is under way in a zone at a time.
   */
  @Post()
  @AnswerWithin(POLICY_WORK_MS)
  @ApiResponse({ status: 409, description: 'One is under way in the zone' })
  async start(
    @InZone() zone: Zone,
    @Change('policy_replay.started') change: Change,
    @Body() body: PolicyReplayBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PolicyReplayView> {
    const { id: zoneId } = zone;
    const candidate = await candidateOf(
      { read: this.read, setVersions: this.setVersions },
      zone,
      body,
    );
    const { days = DEFAULT_DAYS, max_decisions: maxDecisions = DEFAULT_DECISIONS } = body;
    const view = await this.changes.run(
      change,
      async (tx, { activePolicySetVersionId: active }) => {
        const replays = tx.getRepository(PolicyReplay);
        if (await replays.existsBy({ zoneId, state: In(['queued', 'running']) })) {
          throw new ConflictException(
            'a replay is under way in the zone: wait for it, or cancel it',
          );
        }
        await tx.query(FORGET, [zoneId, KEPT - 1]);
        const base =
          active === null
            ? null
            : await tx.getRepository(PolicySetVersion).findOneByOrFail({ zoneId, id: active });
        const now = await databaseNow(tx);
        const id = newId();
        await replays.insert({
          zoneId,
          id,
          operator: change.operator.name,
          ...candidate,
          basePolicySetVersionId: active,
          baseManifestSha256: base?.manifestSha256 ?? null,
          fromAt: instant(now - days * DAY_MS),
          toAt: instant(now),
          maxDecisions,
          progress: NOTHING_REPLAYED,
        });
        await tx.query('SELECT wake_job($1)', [REPLAYS_JOB]);
        const result = toView(await replays.findOneByOrFail({ zoneId, id }));
        return { result, details: { policy_replay: recorded(result) } };
      },
    );
    response.location(`/internal/zones/${zoneId}/policy-replays/${view.id}`);
    return view;
  }

  /** Lists replays, those that are over too: for 30 days, and a hundred of a zone at most. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() { state, ...page }: PolicyReplaysQuery,
  ): Promise<Page<PolicyReplayView>> {
    return readPage(this.replays, { zoneId }, page, toView, having('state', state));
  }

  /** Shows how far a replay is, and what it has found so far: which decisions would be other ones, of whom, and about what. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string): Promise<PolicyReplayResult> {
    const replay = await findRow(this.replays, { zoneId, id }, 'policy replay');
    return toResult(this.read, replay);
  }

  /** Cancels a replay that is under way. What it has found so far stays. */
  @Post(':id/cancel')
  @HttpCode(200)
  @ApiResponse({ status: 409, description: 'It is over' })
  async cancel(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('policy_replay.cancelled') change: Change,
  ): Promise<PolicyReplayView> {
    await findRow(this.replays, { zoneId, id }, 'policy replay');
    return this.changes.run(change, async (tx) => {
      const replays = tx.getRepository(PolicyReplay);
      const [, cancelled] = await tx.query<[unknown[], number]>(CANCEL, [zoneId, id]);
      const after = await findRow(replays, { zoneId, id }, 'policy replay');
      if (cancelled === 0) throw new ConflictException(`the replay is over: it is ${after.state}`);
      const result = toView(after);
      return { result, details: { policy_replay: recorded(result) } };
    });
  }
}

/** What is recorded of a replay: not what it has found, which is in the log already. */
function recorded({ id, candidate, base, from, to, max_decisions }: PolicyReplayView) {
  return { id, candidate, base, from, to, max_decisions };
}

const FORGET = `
  DELETE FROM policy_replays
   WHERE zone_id = $1 AND id IN (
           SELECT id FROM policy_replays WHERE zone_id = $1 AND finished_at IS NOT NULL ORDER BY id DESC OFFSET $2)`;
const CANCEL = `
  UPDATE policy_replays SET state = 'cancelled', finished_at = clock_timestamp(), modules = NULL
   WHERE zone_id = $1 AND id = $2 AND state IN ('queued', 'running')`;
