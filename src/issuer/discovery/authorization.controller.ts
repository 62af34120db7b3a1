import { Controller, Get, Post } from '@nestjs/common';
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

const SUMMARY = 'Says that no user can sign in here (RFC 6749 4.1.2.1)';

/**
 * The authorization endpoint (RFC 6749 3.1) of a server at which no user signs in. It supports no response type, and says
 * so to the user agent: no client has registered where it could be sent back to (4.1.2.1). It is there since clients
 * refuse metadata without it, such as those of MCP, even where they never go there.
 */
@ApiTags('clients')
@ApiResponse({ status: 400, description: 'No response type is supported' })
@Controller()
export class AuthorizationController {
  constructor(endpoints: EndpointMetadata) {
    endpoints.add({
      urls: { authorization_endpoint: AUTHORIZATION_PATH },
      withoutZone: true,
      // RFC 8414 2 requires it of every server, also of one that has none to list.
      members: { response_types_supported: [] },
    });
  }

  @Get('oauth/2/authorize')
  @ApiOperation({ summary: SUMMARY })
  authorize(): never {
    throw unsupported();
  }

  @Post('oauth/2/authorize')
  @ApiOperation({ summary: SUMMARY })
  authorizeByForm(): never {
    throw unsupported();
  }

  @Get('zones/:zone/oauth/2/authorize')
  @ApiOperation({ summary: SUMMARY })
  @ApiParam({ name: 'zone', type: String })
  authorizeInZone(): never {
    throw unsupported();
  }

  @Post('zones/:zone/oauth/2/authorize')
  @ApiOperation({ summary: SUMMARY })
  @ApiParam({ name: 'zone', type: String })
  authorizeInZoneByForm(): never {
    throw unsupported();
  }
}

function unsupported(): OAuthError {
  return new OAuthError(
    'unsupported_response_type',
    'no response type is supported: no user signs in at this server',
  );
}
