import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { authenticationMembers } from '../../authentication/authentication-methods.js';
import { EndpointCallers } from '../../authentication/endpoint-callers.service.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { ClientRevocations } from './client-revocations.service.js';
import { RevocationEndpoint } from './revocation.openapi.js';

/** Whatever is in it, a token is one that is revoked or none. */
const OPAQUE = new Set(['token']);

/** The revocation endpoint (RFC 7009): of all zones, whose client tells the zone, and of one. */
@Controller()
export class RevocationController {
  constructor(
    private readonly callers: EndpointCallers,
    private readonly revocations: ClientRevocations,
    endpoints: EndpointMetadata,
  ) {
    endpoints.add({
      urls: { revocation_endpoint: '/oauth/2/revoke' },
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
    await this.answer(request, response, null);
  }

  @Post('zones/:zone/oauth/2/revoke')
  @RevocationEndpoint('The same for clients of one zone')
  async revokeInZone(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.answer(request, response, zoneId);
  }

  private async answer(
    request: Request,
    response: Response,
    zoneInPath: string | null,
  ): Promise<void> {
    const caller = await this.callers.identify(request, { zoneInPath, opaque: OPAQUE });
    await this.revocations.revoke(caller, requestIdOf(request));
    response.set('Cache-Control', 'no-store');
  }
}
