import { Get, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { InZone } from '../in-zone.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { AuditDelivery } from './audit-delivery.service.js';
import { AuditExportQuery, refuseTimes } from './audit-delivery.query.js';
import { AuditFilterQuery } from './audit-query.body.js';
import { filtersOf } from './audited.js';
import { AnswersExport, AnswersStream } from './delivery-answers.js';

/** Sends what was recorded of a zone: all of it, or as it comes. */
@AdminController('zones/:zone/audit', { noun: 'audit' })
export class ZoneAuditDeliveryController {
  constructor(private readonly delivery: AuditDelivery) {}

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
}
