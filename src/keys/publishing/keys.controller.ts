import {
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import {
  Answers,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import type { Request, Response } from 'express';
import { isUuid } from '../../oauth/vocabulary.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import { Preflight } from '../../platform/http/preflight.js';
import { READABLE_ANYWHERE, sendDocument } from '../../platform/http/public-document.js';
import { PublicRoutes } from '../../platform/http/public-routes.js';
import { JWK_SET_TYPE, keySetType, type PublishedKeySet } from './key-set.js';
import { keySetRoutes } from './key-set-routes.js';
import { KeySets } from './key-sets.service.js';

/** The key sets of zones (RFC 7517 5), the same at several addresses. */
@ApiTags('verifiers')
@ApiOkResponse({ description: 'The key set; cacheable for five minutes' })
@ApiResponse({ status: 304, description: 'The key set that If-None-Match names is still the one' })
@ApiResponse({ status: 404, description: 'Unknown, malformed and missing zone alike' })
@Controller()
export class KeysController {
  constructor(
    private readonly keySets: KeySets,
    routes: PublicRoutes,
    endpoints: EndpointMetadata,
  ) {
    routes.add(...keySetRoutes((zoneId) => keySets.ready(zoneId)));
    endpoints.add({ urls: { jwks_uri: '/.well-known/jwks.json' } });
  }

  @Get('.well-known/jwks.json')
  @ApiOperation({ summary: "A zone's public keys (RFC 7517)" })
  @ApiQuery({ name: 'zone_id', format: 'uuid' })
  @Answers<PublishedKeySet>('application/json', JWK_SET_TYPE)
  keySet(
    @Query('zone_id') zoneId: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer(zoneId, request, response);
  }

  @Get('zones/:zone/.well-known/jwks.json')
  @ApiOperation({ summary: "A zone's public keys (RFC 7517), at an address without a query" })
  @Answers<PublishedKeySet>('application/json', JWK_SET_TYPE)
  keySetOfZone(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer(zoneId, request, response);
  }

  /** Where Ubisecure SSO has it. */
  @Get('zones/:zone/oauth2/metadata.jwks')
  @ApiOperation({ summary: 'The same, as application/jwk-set+json unless another is preferred' })
  @Answers<PublishedKeySet>(JWK_SET_TYPE, 'application/json')
  keySetBesideMetadata(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer(zoneId, request, response, JWK_SET_TYPE);
  }

  @Preflight('.well-known/jwks.json')
  @HttpCode(204)
  preflight(): void {}

  @Preflight(['zones/:zone/.well-known/jwks.json', 'zones/:zone/oauth2/metadata.jwks'], 'zone')
  @HttpCode(204)
  preflightOfZone(): void {}

  private async answer(
    zoneId: unknown,
    request: Request,
    response: Response,
    preferred?: typeof JWK_SET_TYPE,
  ): Promise<void> {
    const keySet =
      typeof zoneId === 'string' && isUuid(zoneId) ? await this.keySets.find(zoneId) : null;
    response.set(READABLE_ANYWHERE);
    if (keySet === null) throw new NotFoundException('no such zone');
    sendDocument(keySet, keySetType(request, preferred), request, response);
  }
}
