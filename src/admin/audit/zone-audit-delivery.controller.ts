import { Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { present } from '../evidence/evidence-view.js';
import { InZone } from '../in-zone.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { AuditDelivery } from './audit-delivery.service.js';
import {
  AuditBundleQuery,
  AuditExportQuery,
  refuseTimes,
  sizesIn,
} from './audit-delivery.query.js';
import { AuditFilterQuery } from './audit-query.body.js';
import { filtersOf } from './audited.js';
import { AnswersBundle, AnswersExport, AnswersStream } from './delivery-answers.js';

/** Sends what was recorded of a zone: all of it, or as it comes. */
@AdminController('zones/:zone/audit', { noun: 'audit' })
export class ZoneAuditDeliveryController {
  constructor(
    private readonly delivery: AuditDelivery,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * Exports all events of the audit log of a zone that have all of what is asked for, the newest first. An export that does
   * not come to its end says so in its last line, and breaks the connection off.
   */
  @Get('export')
  @AnswersExport()
  export(
    @InZone('being removed') { id }: Zone,
    @Query() query: AuditExportQuery,
    @CurrentOperator() operator: Operator,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { format = 'ndjson', ...rest } = query;
    const of = { scope: { zones: [id] }, filters: filtersOf(rest) };
    return this.delivery.export({ operator, ...of, request, response }, format);
  }

  /** Streams events of the audit log of a zone as they are recorded: those that have all of what is asked for. */
  @Get('stream')
  @AnswersStream()
  stream(
    @InZone('being removed') { id }: Zone,
    @Query() query: AuditFilterQuery,
    @CurrentOperator() operator: Operator,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    refuseTimes(query);
    const of = { scope: { zones: [id] }, filters: filtersOf(query) };
    return this.delivery.stream({ operator, ...of, request, response });
  }

  /**
   * Bundles events of a zone with all that proves what they were, for somebody who has the public key alone. A bundle that
   * does not come to its end says so in its last line, and breaks the connection off.
   */
  @Get('bundle')
  @AnswersBundle()
  async bundle(
    @InZone('being removed') { id: zoneId }: Zone,
    @Query() { from, to, zone_sizes: zoneSizes, sizes }: AuditBundleQuery,
    @CurrentOperator() operator: Operator,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const scope = {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      zoneSizes: sizesIn(zoneSizes),
      sizes: sizesIn(sizes),
    };
    const refused = await this.delivery.bundle({ operator, zoneId, scope, request, response });
    if (refused !== null) present(refused, 'log of the zone', response, this.env.checkpointSeconds);
  }
}
