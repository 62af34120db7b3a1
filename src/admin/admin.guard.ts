import {
  Inject,
  Injectable,
  NotFoundException,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { bearerChallenge } from '../platform/http/bearer-challenge.js';
import { bearerKeyCheck } from '../platform/http/bearer-key.js';
import { inFlightOf } from '../platform/http/overload/in-flight.js';

const ZONE_OF_PATH = /^\/internal\/zones\/([^/?]+)/i;

/** Requests that were admitted in another way than by the admin key. */
const admitted = new WeakSet<object>();

/** Admits one request past {@link AdminGuard}: another guard has checked it. */
export function admitOnce(request: Request): void {
  admitted.add(request);
}

/** The guard of operators' routes: the admin key as bearer (RFC 6750 2.1). */
@Injectable()
export class AdminGuard implements CanActivate {
  private readonly bearsKey: ReturnType<typeof bearerKeyCheck> | null;

  constructor(@Inject(ENV) { adminToken }: RunningEnv) {
    this.bearsKey = adminToken === undefined ? null : bearerKeyCheck(adminToken);
  }

  /** Whether there is a key, and so a door. */
  get hasKey(): boolean {
    return this.bearsKey !== null;
  }

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    this.admit(http.getRequest(), http.getResponse());
    return true;
  }

  /**
   * Admits a request, which counts as one of the zone that it is about from then on: what operators ask for in one
   * zone may have to wait for its turn there, and leaves room for other zones.
   *
   * @throws {HttpException} 401 without the key; 404 if none is configured: then there is no door
   * @throws {Overloaded} if the zone has enough in flight
   */
  admit(request: Request, response: Response): void {
    if (admitted.has(request)) return;
    if (this.bearsKey === null) throw new NotFoundException('no such route');
    if (this.bearsKey(request)) {
      const zoneId = ZONE_OF_PATH.exec(request.originalUrl)?.[1];
      if (zoneId === undefined) inFlightOf(request).noteOperator();
      else inFlightOf(request).countFor(zoneId, null, 'operator');
      return;
    }
    response.setHeader('WWW-Authenticate', bearerChallenge(request, 'mandate admin'));
    throw new UnauthorizedException('a valid admin key is required');
  }
}
