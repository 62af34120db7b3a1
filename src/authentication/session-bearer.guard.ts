import {
  createParamDecorator,
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';
import { inFlightOf } from '../platform/http/overload/in-flight.js';
import { bearerToken, SessionBearers } from './session-bearers.service.js';

/**
 * The guard of applications' routes: a session mandate as bearer (RFC 6750 2.1), whose client and zone have
 * not asked too often.
 */
@Injectable()
export class SessionBearerGuard implements CanActivate {
  constructor(private readonly bearers: SessionBearers) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.admit(context.switchToHttp().getRequest());
    return true;
  }

  /**
   * Admits a request, which counts as one of its client and zone, as one to the token endpoint does. What was
   * verified is not kept: the zone may change before the request is answered.
   *
   * @throws {OAuthError} invalid_token; slow_down; temporarily_unavailable if its zone or client has enough in flight
   */
  async admit(request: Request): Promise<void> {
    const bearer = await this.bearers.verify(bearerToken(request));
    const { zone, claims } = bearer;
    inFlightOf(request).countFor(zone.zoneId, claims.clientId, 'session');
    await this.bearers.count(bearer);
  }
}

/** The session mandate of a request, as it was sent. */
export const BearerToken = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  bearerToken(context.switchToHttp().getRequest<Request>()),
);
