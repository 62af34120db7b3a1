import { createHash, timingSafeEqual } from 'node:crypto';
import {
  Inject,
  Injectable,
  NotFoundException,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { ENV, type RunningEnv } from '../config/env.js';

/**
 * Lets in who bears the admin key (RFC 6750 2.1). Without a configured one there is no door:
 * everything under `/internal` is 404.
 */
@Injectable()
export class AdminGuard implements CanActivate {
  private readonly expected: Buffer | null;

  constructor(@Inject(ENV) env: RunningEnv) {
    this.expected = env.adminToken === undefined ? null : sha256(env.adminToken);
  }

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    if (this.expected === null) throw new NotFoundException('no such route');
    const header = http.getRequest<Request>().headers.authorization ?? '';
    const presented = /^bearer +(\S+)$/i.exec(header)?.[1] ?? '';
    // Digests have one length, so the comparison takes one time.
    if (timingSafeEqual(sha256(presented), this.expected)) return true;
    http.getResponse<Response>().setHeader('WWW-Authenticate', 'Bearer realm="mandate admin"');
    throw new UnauthorizedException('a valid admin key is required');
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
