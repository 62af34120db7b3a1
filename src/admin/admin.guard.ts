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

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    this.admit(http.getRequest(), http.getResponse());
    return true;
  }

  /**
   * @throws {HttpException} 401 without the key; 404 if none is configured: then there is no door
   */
  admit(request: Request, response: Response): void {
    if (admitted.has(request)) return;
    if (this.bearsKey === null) throw new NotFoundException('no such route');
    if (this.bearsKey(request)) return;
    response.setHeader('WWW-Authenticate', bearerChallenge(request, 'mandate admin'));
    throw new UnauthorizedException('a valid admin key is required');
  }
}
