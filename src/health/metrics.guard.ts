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

/** Requires the metrics token (RFC 6750 2.1), if one is set; while it is changed, either. */
@Injectable()
export class MetricsGuard implements CanActivate {
  private readonly checks: readonly ((request: Request) => boolean)[];

  constructor(@Inject(ENV) env: RunningEnv) {
    this.checks = env.metricsTokens.map((token) => bearerKeyCheck(token));
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.checks.length === 0) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    if (this.checks.some((bears) => bears(request))) return true;
    const challenge = bearerChallenge(request, 'mandate metrics');
    http.getResponse<Response>().setHeader('WWW-Authenticate', challenge);
    throw new UnauthorizedException('the metrics token is required');
  }
}
