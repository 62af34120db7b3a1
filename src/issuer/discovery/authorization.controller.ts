import { Controller, Get, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import { OAuthError } from '../../oauth/errors.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import {
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';

/** Below the zone. */
const AUTHORIZATION_PATH = '/oauth/2/authorize';

/** OAuth 2.0 Multiple Response Types 4. RFC 8414 2 requires a list of every server, and 3.2 forbids an empty one. */
const NO_RESPONSE = 'none';

const SUMMARY = 'Says that no user can sign in here (RFC 6749 4.1.2.1)';

/**
 * The authorization endpoint (RFC 6749 3.1) of a server at which no user signs in. It supports the response type that gives
 * neither a code nor a token, which without a user is always refused, and no other. It answers the user agent, since no
 * client has registered where that could be sent back to (4.1.2.1). It is there since clients refuse metadata without it,
 * such as those of MCP, even where they never go there.
 */
@ApiTags('clients')
@ApiResponse({ status: 400, description: 'The response type is not supported' })
@ApiResponse({ status: 403, description: 'There is no user who could grant anything' })
@Controller()
export class AuthorizationController {
  constructor(endpoints: EndpointMetadata) {
    endpoints.add({
      urls: { authorization_endpoint: AUTHORIZATION_PATH },
      withoutZone: true,
      members: { response_types_supported: [NO_RESPONSE] },
    });
  }

  @Get('oauth/2/authorize')
  @ApiOperation({ summary: SUMMARY })
  authorize(@Req() request: Request): never {
    throw refusal(request);
  }

  @Post('oauth/2/authorize')
  @ApiOperation({ summary: SUMMARY })
  authorizeByForm(@Req() request: Request): never {
    throw refusal(request);
  }

  @Get('zones/:zone/oauth/2/authorize')
  @ApiOperation({ summary: SUMMARY })
  @ApiParam({ name: 'zone', type: String })
  authorizeInZone(@Req() request: Request): never {
    throw refusal(request);
  }

  @Post('zones/:zone/oauth/2/authorize')
  @ApiOperation({ summary: SUMMARY })
  @ApiParam({ name: 'zone', type: String })
  authorizeInZoneByForm(@Req() request: Request): never {
    throw refusal(request);
  }
}

function refusal(request: Request): OAuthError {
  // Express has a list, or an object, of one that is repeated.
  return request.query['response_type'] === NO_RESPONSE
    ? new OAuthError('access_denied', 'no user signs in at this server')
    : new OAuthError('unsupported_response_type', 'no user signs in at this server');
}
