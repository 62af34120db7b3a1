import type { IncomingMessage } from 'node:http';
import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { authenticationMembers } from '../../authentication/authentication-methods.js';
import { EndpointCallers } from '../../authentication/endpoint-callers.service.js';
import { REVOCATION_PATH } from '../../oauth/token-endpoint.js';
import { DirectRoutes, type DirectAnswer } from '../../platform/http/direct-routes.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { ClientRevocations } from './client-revocations.service.js';
import { RevocationEndpoint } from './revocation.openapi.js';

/** Whatever is in it, a token is one that is revoked or none. */
const OPAQUE = new Set(['token']);
/** There is no body (RFC 7009 2.2). */
const DONE: DirectAnswer = { status: 200, headers: { 'Cache-Control': 'no-store' }, body: '' };

/** The revocation endpoint (RFC 7009): of all zones, whose client tells the zone, and of one. */
@Controller()
export class RevocationController {
  constructor(
    private readonly callers: EndpointCallers,
    private readonly revocations: ClientRevocations,
    direct: DirectRoutes,
    endpoints: EndpointMetadata,
  ) {
    direct.add('POST', REVOCATION_PATH, (request) => this.answer(request, null));
    direct.addOfZones('POST', REVOCATION_PATH, (request, zone) => this.answer(request, zone));
    endpoints.add({
      urls: { revocation_endpoint: REVOCATION_PATH },
      withoutZone: true,
      members: authenticationMembers('revocation_endpoint'),
    });
  }

  @Post('oauth/2/revoke')
  @RevocationEndpoint('Revoke a mandate of the client (RFC 7009)')
  async revoke(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const { headers } = await this.answer(request, null);
    response.set(headers);
  }

  @Post('zones/:zone/oauth/2/revoke')
  @RevocationEndpoint('The same for clients of one zone')
  async revokeInZone(
    @Param('zone') zone: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const { headers } = await this.answer(request, zone);
    response.set(headers);
  }

  private async answer(request: IncomingMessage, zone: string | null): Promise<DirectAnswer> {
    const caller = await this.callers.identify(request, { zoneInPath: zone, opaque: OPAQUE });
    await this.revocations.revoke(caller, requestIdOf(request));
    return DONE;
  }
}
