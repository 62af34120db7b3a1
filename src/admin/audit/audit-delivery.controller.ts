import { Get, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AdminController } from '../admin-controller.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { ForSomeZones } from '../permission.js';
import { AuditDelivery } from './audit-delivery.service.js';
import {
  AuditOfZonesExportQuery,
  AuditOfZonesStreamQuery,
  refuseTimes,
} from './audit-delivery.query.js';
import { scopeOf } from './audit.controller.js';
import { filtersOf } from './audited.js';
import { AnswersExport, AnswersStream } from './delivery-answers.js';

/** Sends what was recorded, of whichever zone: all of it, or as it comes. */
@AdminController('audit', { noun: 'audit' })
export class AuditDeliveryController {
  constructor(private readonly delivery: AuditDelivery) {}

  /**
   * Exports all events that have all of what is asked for, the newest first: of all zones that the operator may see, and for
   * an operator of all zones also of zones that are gone, and of the installation.
   */
  @Get('export')
  @ForSomeZones()
  @AnswersExport()
  export(
    @Query() query: AuditOfZonesExportQuery,
    @CurrentOperator() operator: Operator,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { format = 'ndjson', zone, ...rest } = query;
    const of = { scope: scopeOf(operator, zone), filters: filtersOf(rest) };
    return this.delivery.export({ operator, ...of, request, response }, format);
  }

  /**
   * Streams events as they are recorded: those that have all of what is asked for, of all zones that the operator may see.
   * It ends where too many zones are busy to say in one header how far it has come.
   */
  @Get('stream')
  @ForSomeZones()
  @AnswersStream()
  stream(
    @Query() query: AuditOfZonesStreamQuery,
    @CurrentOperator() operator: Operator,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { zone, ...rest } = query;
    refuseTimes(rest);
    const of = { scope: scopeOf(operator, zone), filters: filtersOf(rest) };
    return this.delivery.stream({ operator, ...of, request, response });
  }
}
