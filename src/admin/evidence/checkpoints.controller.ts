import { Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { CheckpointKeys } from '../../evidence/checkpoint-keys.service.js';
import { Evidence } from '../../evidence/evidence.service.js';
import { Receipts, type ReceiptSet } from '../../evidence/receipts/receipts.service.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { InstallationChange, type Change } from '../change.js';
import { PAGE_LIMIT } from '../pagination.body.js';
import type { Page } from '../pagination.js';
import { ForSomeZones, Permission } from '../permission.js';
import {
  checkpointView,
  growthView,
  keyView,
  pageOf,
  present,
  refuseShrinking,
  type CheckpointKeyView,
  type CheckpointView,
  type GrowthView,
} from './evidence-view.js';
import { CheckpointQuery, GrowthQuery } from './evidence-query.body.js';

/** Shows the signed checkpoints of the audit log, and rotates the key that signs them. */
@AdminController('audit', { noun: 'audit' })
export class CheckpointsController {
  constructor(
    private readonly evidence: Evidence,
    private readonly receipts: Receipts,
    private readonly keys: CheckpointKeys,
    private readonly changes: AuditedChanges,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Lists the signed checkpoints of the installation, the newest first. They say nothing of what happened in a zone. */
  @Get('checkpoints')
  @ForSomeZones()
  async list(
    @Query() { limit = PAGE_LIMIT, after }: CheckpointQuery,
  ): Promise<Page<CheckpointView>> {
    const found = await this.evidence.checkpoints(limit, after);
    return pageOf(found.map(checkpointView), limit);
  }

  /** Proves that the installation's log at one size began as it was at a smaller one. */
  @Get('checkpoints/consistency')
  @ApiResponse({
    status: 409,
    description: 'In no signed checkpoint yet: ask again after Retry-After',
  })
  @ForSomeZones()
  async consistency(
    @Query() query: GrowthQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<GrowthView> {
    refuseShrinking(query);
    const growth = await this.evidence.growth(query.from, query.to);
    return growthView(present(growth, 'size', response, this.env.checkpointSeconds));
  }

  /** Signs receipts (RFC 9942) of an event that is of no zone, such as who may administer, or of all such events of a request. */
  @Get('receipts/:id')
  @ApiResponse({
    status: 409,
    description: 'In no signed checkpoint yet: ask again after Retry-After',
  })
  async receiptsOf(
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReceiptSet> {
    const found = await this.receipts.ofChange(NO_ZONE, id);
    return present(found, 'event', response, this.env.checkpointSeconds);
  }

  /** Lists the public keys that verify checkpoints, the newest first: that one signs. */
  @Get('checkpoint-keys')
  @ForSomeZones()
  async listKeys(): Promise<Page<CheckpointKeyView>> {
    const keys = await this.keys.list();
    return { items: keys.map((key, index) => keyView(key, index === 0)) };
  }

  /** Makes a new key, which signs from the next checkpoint on. What those before it have signed can still be verified. */
  @Post('checkpoint-keys')
  @Permission('keys:rotate')
  @HttpCode(201)
  async rotateKey(
    @InstallationChange('checkpoint_key.rotated') change: Change,
  ): Promise<CheckpointKeyView> {
    const drawn = await this.keys.draw(await this.keys.origin());
    const key = await this.changes.runWithoutZone(change, async (tx) => {
      const result = await this.keys.add(tx, drawn);
      return { result, details: { checkpoint_key: { id: result.id, vkey: result.vkey } } };
    });
    return keyView(key, true);
  }
}
