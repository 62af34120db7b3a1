import { Body, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { newId } from '../../platform/uuid-v7.js';
import { PolicySetVersion } from '../../policy/policy-set.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { InZone } from '../in-zone.js';
import { ScanRequests } from '../log-scans/scan-requests.js';
import { ScansQuery } from '../log-scans/scans-query.body.js';
import { having, readPage, type Page } from '../pagination.js';
import { POLICY_WORK_MS } from '../policy/policy-check.js';
import { candidateOf } from './candidate.js';
import { DEFAULT_DAYS, DEFAULT_DECISIONS, PolicyReplayBody } from './policy-replay.body.js';
import { PolicyReplay } from './policy-replay.entity.js';
import {
  toResult,
  toView,
  type PolicyReplayResult,
  type PolicyReplayView,
} from './policy-replay-view.js';
import { NOTHING_REPLAYED } from './replay-progress.js';
import { makeRoomForReplay, REPLAY_TABLE } from './replay-rows.js';
import { REPLAYS_JOB } from './replaying.service.js';

const REQUESTS = new ScanRequests({
  entity: PolicyReplay,
  table: REPLAY_TABLE,
  called: { any: 'a replay', this: 'the replay', missing: 'policy replay' },
  job: REPLAYS_JOB,
  makeRoom: makeRoomForReplay,
});

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
    const view = await this.changes.run(change, async (tx, locked) => {
      const asked = { operator: change.operator.name, days };
      const scan = await REQUESTS.prepare(tx, locked, asked);
      const id = newId();
      const progress = NOTHING_REPLAYED;
      await tx
        .getRepository(PolicyReplay)
        .insert({ zoneId, id, scan, ...candidate, maxDecisions, progress });
      return changed(await REQUESTS.find(tx, zoneId, id));
    });
    response.location(`/internal/zones/${zoneId}/policy-replays/${view.id}`);
    return view;
  }

  /** Lists replays, those that are over too: for 30 days, and a hundred of a zone at most. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() { state, ...page }: ScansQuery,
  ): Promise<Page<PolicyReplayView>> {
    return readPage(this.replays, { zoneId }, page, toView, having('state', state));
  }

  /** Shows how far a replay is, and what it has found so far: which decisions would be other ones, of whom, and about what. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string): Promise<PolicyReplayResult> {
    return toResult(this.read, await REQUESTS.find(this.read, zoneId, id));
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
    await REQUESTS.find(this.read, zoneId, id);
    return this.changes.run(change, async (tx) => changed(await REQUESTS.cancel(tx, zoneId, id)));
  }
}

function changed(replay: PolicyReplay) {
  const result = toView(replay);
  return { result, details: { policy_replay: recorded(result) } };
}

/** What is recorded of a replay: not what it has found, which is in the log already. */
function recorded({ id, candidate, base, from, to, max_decisions }: PolicyReplayView) {
  return { id, candidate, base, from, to, max_decisions };
}
