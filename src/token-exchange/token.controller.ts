import type { IncomingMessage } from 'node:http';
import { Controller, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { DirectRoutes, type DirectAnswer } from '../platform/http/direct-routes.js';
import { EndpointMetadata } from '../platform/http/endpoint-metadata.js';
import { GRANT_TYPES } from '../oauth/vocabulary.js';
import { authenticationMembers } from '../authentication/authentication-methods.js';
import { TOKEN_PATH } from '../oauth/token-endpoint.js';
import { readClientRequest } from '../authentication/client-request.js';
import { Exchange } from './exchange.service.js';
import { NOT_STORED, TokenEndpoint } from './token-endpoint.openapi.js';
import type { TokenResponse } from './token-request.js';

/** The token endpoint (RFC 6749 3.2). */
@Controller('oauth/2')
export class TokenController {
  constructor(
    private readonly exchange: Exchange,
    direct: DirectRoutes,
    endpoints: EndpointMetadata,
  ) {
    direct.add('POST', TOKEN_PATH, this.answer);
    endpoints.add({
      urls: { token_endpoint: TOKEN_PATH },
      withoutZone: true,
      members: {
        ...authenticationMembers('token_endpoint'),
        grant_types_supported: GRANT_TYPES,
        // Not registered, and many read it (RFC 8707).
        resource_indicators_supported: true,
      },
    });
  }

  @Post('token')
  @TokenEndpoint('Exchange authority for a mandate (RFC 8693, RFC 6749 4.4)')
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
    return { status: 200, headers: NOT_STORED, body };
  };
}
