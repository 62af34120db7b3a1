import {
  ConflictException,
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Post,
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Missing } from '../../evidence/evidence.service.js';
import type { ReceiptSet } from '../../evidence/receipts/receipts.service.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import { MandateReceipts } from './mandate-receipts.service.js';
import { BearerReceipts, ClientReceipts } from './receipts.openapi.js';

/** Receipts of mandates (RFC 9942): of all zones, whose client or mandate tells the zone, and of one. */
@Controller()
export class ReceiptsController {
  constructor(
    private readonly receipts: MandateReceipts,
    @Inject(ENV) private readonly env: RunningEnv,
    endpoints: EndpointMetadata,
  ) {
    endpoints.add({ urls: { receipts_endpoint: '/receipts' }, withoutZone: true });
  }

  @Get('receipts/:jti')
  @ClientReceipts('Receipts of a mandate, for its client and the owner of its resource (RFC 9942)')
  async show(
    @Param('jti') jti: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReceiptSet> {
    return this.answer(response, await this.receipts.forClient(request, null, jti));
  }

  @Get('zones/:zone/receipts/:jti')
  @ClientReceipts('The same for clients of one zone')
  async showInZone(
    @Param('zone') zone: string,
    @Param('jti') jti: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReceiptSet> {
    return this.answer(response, await this.receipts.forClient(request, zone, jti));
  }

  @Post('receipts')
  @BearerReceipts('Receipts of a mandate, for whoever has it, also when it has expired (RFC 9942)')
  async present(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReceiptSet> {
    return this.answer(response, await this.receipts.forBearer(request, null));
  }

  @Post('zones/:zone/receipts')
  @BearerReceipts('The same for mandates of one zone')
  async presentInZone(
    @Param('zone') zone: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReceiptSet> {
    return this.answer(response, await this.receipts.forBearer(request, zone));
  }

  /** What there is not and what is not the caller's has one answer. */
  private answer(response: Response, found: ReceiptSet | Missing): ReceiptSet {
    response.set('Cache-Control', 'no-store');
    if (found === 'unknown') throw new NotFoundException('no such mandate');
    if (found === 'not yet') {
      response.set('Retry-After', String(this.env.checkpointSeconds));
      throw new ConflictException('the mandate is in no signed checkpoint yet');
    }
    return found;
  }
}
