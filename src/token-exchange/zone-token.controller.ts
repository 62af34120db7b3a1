import type { IncomingMessage } from 'node:http';
import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { TOKEN_PATH } from '../oauth/token-endpoint.js';
import { DirectRoutes, type DirectAnswer } from '../platform/http/direct-routes.js';
import { readClientRequest } from '../authentication/client-request.js';
import { Exchange } from './exchange.service.js';
import { NOT_STORED, TokenEndpoint } from './token-endpoint.openapi.js';
import type { TokenResponse } from './token-request.js';

/**
 * The token endpoint of one zone (RFC 6749 3.2): what the endpoint of all zones does, for clients of the zone only. Since
 * the path tells the zone, the token of a workload can tell the client.
 */
@Controller('zones/:zone/oauth/2')
export class ZoneTokenController {
  constructor(
    private readonly exchange: Exchange,
    direct: DirectRoutes,
  ) {
    direct.addOfZones('POST', TOKEN_PATH, this.answer);
  }

  @Post('token')
  @TokenEndpoint('The same for one zone, where the token of a workload can name the client')
  async token(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TokenResponse> {
    const { headers, body } = await this.answer(request, zoneId);
    response.set(headers);
    return body;
  }

  private readonly answer = async (
    request: IncomingMessage,
    zoneId: string,
  ): Promise<DirectAnswer & { readonly body: TokenResponse }> => {
    const body = await this.exchange.run(await readClientRequest(request, zoneId));
    return { status: 200, headers: NOT_STORED, body };
  };
}
