import { Get, Inject, NotFoundException, Param, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Evidence } from '../../evidence/evidence.service.js';
import { Receipts, type ReceiptSet } from '../../evidence/receipts/receipts.service.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { InZone } from '../in-zone.js';
import { PAGE_LIMIT } from '../pagination.body.js';
import type { Page } from '../pagination.js';
import {
  growthView,
  pageOf,
  present,
  provedEventView,
  refuseShrinking,
  zoneCheckpointView,
  type GrowthView,
  type ProvedEventView,
  type ZoneCheckpointView,
} from './evidence-view.js';
import { CheckpointQuery, GrowthQuery, ProofQuery } from './evidence-query.body.js';

/** Proves what was recorded of a zone. */
@AdminController('zones/:zone/audit', { noun: 'audit' })
export class ZoneCheckpointsController {
  constructor(
    private readonly evidence: Evidence,
    private readonly receipts: Receipts,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Lists the checkpoints of a zone, the newest first, each with the proof that it is in a signed one. */
  @Get('checkpoints')
  async list(
    @InZone('being removed') { id }: Zone,
    @Query() { limit = PAGE_LIMIT, after }: CheckpointQuery,
  ): Promise<Page<ZoneCheckpointView>> {
    const found = await this.evidence.zoneCheckpoints(id, limit, after);
    return pageOf(found.map(zoneCheckpointView), limit);
  }

  /** Proves that the log of a zone at one size began as it was at a smaller one. */
  @Get('checkpoints/consistency')
  @ApiResponse({
    status: 409,
    description: 'In no signed checkpoint yet: ask again after Retry-After',
  })
  async consistency(
    @InZone('being removed') { id }: Zone,
    @Query() query: GrowthQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<GrowthView> {
    refuseShrinking(query);
    const growth = await this.evidence.growth(query.from, query.to, id);
    return growthView(present(growth, 'size', response, this.env.checkpointSeconds));
  }

  /** Proves that an event is in a checkpoint of its zone, and that in a signed one: all that it takes beside the public key. */
  @Get('proofs/:event')
  @ApiResponse({
    status: 409,
    description: 'In no signed checkpoint yet: ask again after Retry-After',
  })
  async prove(
    @InZone('being removed') { id }: Zone,
    @Param('event') eventId: string,
    @Query() { size }: ProofQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ProvedEventView> {
    if (!isUuid(eventId)) throw new NotFoundException('no such event');
    const proved = await this.evidence.prove(id, eventId, size);
    return provedEventView(present(proved, 'event', response, this.env.checkpointSeconds));
  }

  /** Signs receipts (RFC 9942) of an event of the zone by its id, or of all events of a request by the id of that, with their texts. */
  @Get('receipts/:id')
  @ApiResponse({
    status: 409,
    description: 'In no signed checkpoint yet: ask again after Retry-After',
  })
  async receiptsOf(
    @InZone('being removed') { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReceiptSet> {
    const found = await this.receipts.ofChange(zoneId, id);
    return present(found, 'event', response, this.env.checkpointSeconds);
  }
}
