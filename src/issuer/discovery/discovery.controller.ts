import { Controller, Get, HttpCode, NotFoundException, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { isUuid } from '../../oauth/vocabulary.js';
import {
  Answers,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import { Preflight } from '../../platform/http/preflight.js';
import { READABLE_ANYWHERE, sendDocument } from '../../platform/http/public-document.js';
import { PublicRoutes } from '../../platform/http/public-routes.js';
import { MetadataDocuments, type DocumentKind } from './documents.service.js';
import { kindAt, metadataRoutes, PLACES } from './places.js';
import type { ResourceMetadata, ServerMetadata } from './metadata-view.js';

/** Metadata: how clients find what a zone has, and what a resource asks for. */
@ApiTags('clients')
@ApiOkResponse({ description: 'The document; cacheable for five minutes' })
@ApiResponse({ status: 304, description: 'The document that If-None-Match names is still the one' })
@ApiResponse({ status: 404, description: 'There is none, for whatever reason' })
@Controller()
export class DiscoveryController {
  constructor(
    private readonly documents: MetadataDocuments,
    routes: PublicRoutes,
  ) {
    routes.add(...metadataRoutes(documents));
  }

  @Get([...PLACES.server])
  @ApiOperation({ summary: 'Authorization server metadata (RFC 8414)' })
  @Answers<ServerMetadata>()
  server(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer(kindAt(request, 'server'), [zoneId], request, response);
  }

  @Get([...PLACES.openid])
  @ApiOperation({ summary: 'The same for clients that know OpenID Connect Discovery' })
  @Answers<ServerMetadata>()
  openid(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer(kindAt(request, 'openid'), [zoneId], request, response);
  }

  @Get([...PLACES.configured])
  @ApiOperation({ summary: 'Authorization server metadata, where other servers have it' })
  @Answers<ServerMetadata>()
  configured(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer('configured', [zoneId], request, response);
  }

  @Get([...PLACES.resource])
  @ApiOperation({ summary: 'Protected resource metadata (RFC 9728)' })
  @Answers<ResourceMetadata>()
  resource(
    @Param('zone') zoneId: string,
    @Param('id') resourceId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.answer('resource', [zoneId, resourceId], request, response);
  }

  @Get([...PLACES.shared])
  @ApiOperation({ summary: 'Authorization server metadata of the issuer that zones share' })
  @Answers<ServerMetadata>()
  shared(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.answer('shared', [], request, response);
  }

  @Preflight([...PLACES.server, ...PLACES.openid, ...PLACES.configured], 'zone')
  @HttpCode(204)
  preflightOfZone(): void {}

  @Preflight(PLACES.resource, 'zone', 'id')
  @HttpCode(204)
  preflightOfResource(): void {}

  @Preflight(PLACES.shared)
  @HttpCode(204)
  preflight(): void {}

  private async answer(
    kind: DocumentKind,
    ids: readonly string[],
    request: Request,
    response: Response,
  ): Promise<void> {
    const document = ids.every(isUuid) ? await this.documents.find(kind, ...ids) : null;
    response.set(READABLE_ANYWHERE);
    if (document === null) throw new NotFoundException('there is no metadata here');
    sendDocument(document, 'application/json; charset=utf-8', request, response);
  }
}
