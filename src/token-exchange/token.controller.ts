import type { IncomingMessage } from 'node:http';
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  ApiBasicAuth,
  ApiBody,
  ApiConsumes,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../platform/http/openapi-decorators.js';
import type { Request, Response } from 'express';
import { DirectRoutes, type DirectAnswer } from '../platform/http/direct-routes.js';
import { TOKEN_PATH } from '../oauth/token-endpoint.js';
import { readClientRequest } from '../authentication/client-request.js';
import { Exchange } from './exchange.service.js';
import { tokenRequestSchema, tokenResponseSchema } from './token.openapi.js';
import type { TokenResponse } from './token-request.js';

/** The token endpoint (RFC 6749 3.2). */
@ApiTags('clients')
@Controller('oauth/2')
export class TokenController {
  constructor(
    private readonly exchange: Exchange,
    direct: DirectRoutes,
  ) {
    direct.add('POST', TOKEN_PATH, this.answer);
  }

  @Post('token')
  @HttpCode(200)
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
  async token(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TokenResponse> {
    const { headers, body } = await this.answer(request);
    response.set(headers);
    return body;
  }

  private readonly answer = async (
    request: IncomingMessage,
  ): Promise<DirectAnswer & { readonly body: TokenResponse }> => {
    const body = await this.exchange.run(await readClientRequest(request));
    return { status: 200, headers: { 'Cache-Control': 'no-store', Pragma: 'no-cache' }, body };
  };
}
