import { Controller, Header, HttpCode, Post, Req } from '@nestjs/common';
import {
  ApiBasicAuth,
  ApiBody,
  ApiConsumes,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../platform/http/openapi-decorators.js';
import type { Request } from 'express';
import { readClientRequest } from '../authentication/client-request.js';
import { Exchange } from './exchange.service.js';
import { tokenRequestSchema, tokenResponseSchema } from './token.openapi.js';
import type { TokenResponse } from './token-request.js';

/** The token endpoint (RFC 6749 3.2). */
@ApiTags('clients')
@Controller('oauth/2')
export class TokenController {
  constructor(private readonly exchange: Exchange) {}

  @Post('token')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @Header('Pragma', 'no-cache')
  @ApiOperation({ summary: 'Exchange authority for a mandate (RFC 8693, RFC 6749 4.4)' })
  @ApiBasicAuth('client')
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({ schema: tokenRequestSchema })
  @ApiOkResponse({ schema: tokenResponseSchema })
  @ApiResponse({
    status: 400,
    description: 'The request, a token, the target or the scope is not usable',
  })
  @ApiResponse({ status: 401, description: 'Client authentication failed' })
  @ApiResponse({ status: 403, description: 'Policy denies' })
  @ApiResponse({ status: 429, description: 'Too many failed attempts' })
  @ApiResponse({ status: 503, description: 'Not now; see Retry-After' })
  async token(@Req() request: Request): Promise<TokenResponse> {
    return this.exchange.run(await readClientRequest(request));
  }
}
