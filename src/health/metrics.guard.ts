import {
  Inject,
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { bearerChallenge } from '../platform/http/bearer-challenge.js';
import { bearerKeyCheck } from '../platform/http/bearer-key.js';

/** Requires the metrics token (RFC 6750 2.1), if one is set. */
@Injectable()
export class MetricsGuard implements CanActivate {
  private readonly bearsKey: ((request: Request) => boolean) | null;

  constructor(@Inject(ENV) env: RunningEnv) {
    this.bearsKey = env.metricsToken === undefined ? null : bearerKeyCheck(env.metricsToken);
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.bearsKey === null) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    if (this.bearsKey(request)) return true;
    const challenge = bearerChallenge(request, 'mandate metrics');
    http.getResponse<Response>().setHeader('WWW-Authenticate', challenge);
    throw new UnauthorizedException('the metrics token is required');
  }
}
