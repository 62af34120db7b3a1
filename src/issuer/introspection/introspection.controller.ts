import type { IncomingMessage } from 'node:http';
import { Controller, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import Negotiator from 'negotiator';
import { INTROSPECTION_PATH } from '../../oauth/token-endpoint.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { authenticationMembers } from '../../authentication/authentication-methods.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import { DirectRoutes, type DirectAnswer } from '../../platform/http/direct-routes.js';
import { INTROSPECTION_JWT, signAnswer } from './introspection-jwt.js';
import { Introspection } from './introspection.service.js';
import { IntrospectionEndpoint } from './introspection.openapi.js';
import type { IntrospectedMandate, IntrospectedMandates } from './introspection-view.js';
import { Answers } from '../../platform/http/openapi-decorators.js';

const NOT_STORED = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const;
const JSON_TYPE = 'application/json';
const ANYTHING = '*/*';

/** The introspection endpoints (RFC 7662 2): of all zones, and of one. */
@Controller()
export class IntrospectionController {
  constructor(
    private readonly introspection: Introspection,
    @Inject(CLOCK) private readonly clock: Clock,
    direct: DirectRoutes,
    endpoints: EndpointMetadata,
  ) {
    direct.add('POST', INTROSPECTION_PATH, (request) => this.answer(request, null));
    direct.addOfZones('POST', INTROSPECTION_PATH, (request, zone) => this.answer(request, zone));
    endpoints.add({
      urls: { introspection_endpoint: INTROSPECTION_PATH },
      withoutZone: true,
      members: authenticationMembers('introspection_endpoint'),
      membersOf: ({ signingAlgs }) => ({ introspection_signing_alg_values_supported: signingAlgs }),
    });
  }

  @Post('oauth/2/introspect')
  @IntrospectionEndpoint('Whether tokens are active, and what they say (RFC 7662, RFC 9701)')
  @Answers<IntrospectedMandate | IntrospectedMandates>()
  async introspect(@Req() request: Request, @Res() response: Response): Promise<void> {
    send(response, await this.answer(request, null));
  }

  @Post('zones/:zone/oauth/2/introspect')
  @IntrospectionEndpoint('The same for the clients of one zone')
  @Answers<IntrospectedMandate | IntrospectedMandates>()
  async introspectInZone(
    @Param('zone') zone: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    send(response, await this.answer(request, zone));
  }

  private async answer(request: IncomingMessage, zone: string | null): Promise<DirectAnswer> {
    const { caller, answers, isBatch } = await this.introspection.run(request, zone);
    const [only] = answers;
    if (isBatch || only === undefined) {
      return { status: 200, headers: NOT_STORED, body: { results: answers } };
    }
    const { client } = caller;
    // Of what it likes as well as JSON, who has registered for a JWT gets that (RFC 9701 6).
    const types =
      client.introspectionAlg === null
        ? [JSON_TYPE, INTROSPECTION_JWT]
        : [INTROSPECTION_JWT, JSON_TYPE];
    // Most say nothing, and need no negotiation.
    const { accept = ANYTHING } = request.headers;
    const liked = accept === ANYTHING ? undefined : new Negotiator(request).mediaType(types);
    if ((liked ?? types[0]) !== INTROSPECTION_JWT)
      return { status: 200, headers: NOT_STORED, body: only };
    return {
      status: 200,
      headers: { ...NOT_STORED, 'Content-Type': INTROSPECTION_JWT },
      body: await signAnswer(only, caller.zone, client, this.clock.now()),
    };
  }
}

function send(response: Response, { status, headers, body }: DirectAnswer): void {
  response.status(status).set(headers);
  if (typeof body === 'string') response.end(body);
  else response.json(body);
}
