import {
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  Options,
  Param,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import type { Request, Response } from 'express';
import { isUuid } from '../../oauth/vocabulary.js';
import { keySetHeaders, keySetType, matchesEtag, PREFLIGHT, READABLE_ANYWHERE } from './key-set.js';
import { KeySets } from './key-sets.service.js';

const PREFLIGHT_SUMMARY = 'Whether a page of another origin may ask under a condition (Fetch 4.8)';

/** The key sets of zones (RFC 7517 5), the same at two addresses. */
@ApiTags('verifiers')
@ApiOkResponse({ description: 'The key set; cacheable for five minutes' })
@ApiResponse({ status: 304, description: 'The key set that If-None-Match names is still the one' })
@ApiResponse({ status: 404, description: 'Unknown, malformed and missing zone alike' })
@Controller()
export class KeysController {
  constructor(private readonly keySets: KeySets) {}

  @Get('.well-known/jwks.json')
  @ApiOperation({ summary: "A zone's public keys (RFC 7517)" })
  @ApiQuery({ name: 'zone_id', format: 'uuid' })
  keySet(
    @Query('zone_id') zoneId: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer(zoneId, request, response);
  }

  @Get('zones/:zone/.well-known/jwks.json')
  @ApiOperation({ summary: "A zone's public keys (RFC 7517), at an address without a query" })
  keySetOfZone(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer(zoneId, request, response);
  }

  @Options('.well-known/jwks.json')
  @HttpCode(204)
  @ApiOperation({ summary: PREFLIGHT_SUMMARY })
  preflight(@Res({ passthrough: true }) response: Response): void {
    response.set(PREFLIGHT);
  }

  @Options('zones/:zone/.well-known/jwks.json')
  @HttpCode(204)
  @ApiOperation({ summary: PREFLIGHT_SUMMARY })
  @ApiParam({ name: 'zone', type: String })
  preflightOfZone(@Res({ passthrough: true }) response: Response): void {
    response.set(PREFLIGHT);
  }

  private async answer(zoneId: unknown, request: Request, response: Response): Promise<void> {
    const keySet =
      typeof zoneId === 'string' && isUuid(zoneId) ? await this.keySets.find(zoneId) : null;
    response.set(READABLE_ANYWHERE);
    if (keySet === null) throw new NotFoundException('no such zone');
    response.set(keySetHeaders(keySet));
    if (matchesEtag(request.headers['if-none-match'], keySet.etag)) response.status(304).end();
    else response.type(keySetType(request)).send(keySet.body);
  }
}
