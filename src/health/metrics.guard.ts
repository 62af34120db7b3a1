import { createHash, timingSafeEqual } from 'node:crypto';
import {
  Inject,
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { ENV, type RunningEnv } from '../config/env.js';

/** Lets in who bears the metrics token (RFC 6750 2.1), or everyone if there is none. */
@Injectable()
export class MetricsGuard implements CanActivate {
  private readonly expected: Buffer | null;

  constructor(@Inject(ENV) env: RunningEnv) {
    this.expected = env.metricsToken === undefined ? null : sha256(env.metricsToken);
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.expected === null) return true;
    const http = context.switchToHttp();
    const header = http.getRequest<Request>().headers.authorization ?? '';
    const presented = /^bearer +(\S+)$/i.exec(header)?.[1] ?? '';
    // Digests have one length, so the comparison takes one time.
    if (timingSafeEqual(sha256(presented), this.expected)) return true;
    http.getResponse<Response>().setHeader('WWW-Authenticate', 'Bearer');
    throw new UnauthorizedException('the metrics token is required');
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
