import {
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  NotImplementedException,
  Param,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import {
  Answers,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import { Preflight } from '../../platform/http/preflight.js';
import {
  READABLE_ANYWHERE,
  sendDocument,
  type PublicDocument,
} from '../../platform/http/public-document.js';
import { PublicRoutes } from '../../platform/http/public-routes.js';
import { STATUS_LIST_TYPE } from './status-list-token.js';
import { StatusLists } from './status-lists.service.js';

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const JSON_TYPE = 'application/json; charset=utf-8';

/** The status lists of a zone (draft-ietf-oauth-status-list 9.3). */
interface StatusListAggregation {
  readonly status_lists: readonly string[];
}

/**
 * Status lists: which mandates of a zone have been taken back, for whoever has one (draft-ietf-oauth-status-list). A list
 * has bits and no names.
 */
@ApiTags('verifiers')
@ApiResponse({ status: 304, description: 'What If-None-Match names is still the one' })
@ApiResponse({ status: 404, description: 'Unknown and malformed alike' })
@Controller()
export class StatusListsController {
  constructor(
    private readonly lists: StatusLists,
    routes: PublicRoutes,
    endpoints: EndpointMetadata,
  ) {
    routes.add(
      {
        route: '/zones/:zone/status/:list',
        url: new RegExp(`^/zones/(${UUID})/status/(\\d{1,10}-\\d{1,10})$`),
        ready: (zone = '', list = '') => lists.ready(zone, list),
        type: () => STATUS_LIST_TYPE,
      },
      {
        route: '/zones/:zone/status',
        url: new RegExp(`^/zones/(${UUID})/status$`),
        ready: (zone = '') => lists.readyAggregation(zone),
        type: () => JSON_TYPE,
      },
    );
    endpoints.add({ urls: { status_list_aggregation_endpoint: '/status' } });
  }

  /** A list, as a signed token; whatever `Accept` says, since there is no other form. */
  @Get('zones/:zone/status/:list')
  @ApiOperation({ summary: 'A status list token (application/statuslist+jwt), signed by the zone' })
  @ApiOkResponse({ description: 'Which mandates were taken back, for as long as its `ttl` says' })
  @ApiQuery({
    name: 'time',
    required: false,
    type: String,
    description: 'Not supported: lists are of now',
  })
  @ApiResponse({ status: 501, description: 'The list of another time was asked for' })
  @Answers<string>(STATUS_LIST_TYPE)
  async list(
    @Param('zone') zoneId: string,
    @Param('list') name: string,
    @Query('time') time: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    // Pages of other origins may read why not, too.
    response.set(READABLE_ANYWHERE);
    if (time !== undefined) throw new NotImplementedException('lists are of now');
    send(await this.lists.find(zoneId, name), STATUS_LIST_TYPE, request, response);
  }

  @Get('zones/:zone/status')
  @ApiOperation({ summary: 'The URIs of the status lists of a zone (status list aggregation)' })
  @ApiOkResponse({ description: 'The URIs' })
  @Answers<StatusListAggregation>()
  async all(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    response.set(READABLE_ANYWHERE);
    send(await this.lists.findAggregation(zoneId), JSON_TYPE, request, response);
  }

  @Preflight('zones/:zone/status/:list', 'zone', 'list')
  @HttpCode(204)
  preflight(): void {}

  @Preflight('zones/:zone/status', 'zone')
  @HttpCode(204)
  preflightOfAll(): void {}
}

function send(
  document: PublicDocument | null,
  type: string,
  request: Request,
  response: Response,
): void {
  if (document === null) throw new NotFoundException('there is no such status list');
  sendDocument(document, type, request, response);
}
