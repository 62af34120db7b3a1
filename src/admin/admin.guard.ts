import {
  Inject,
  Injectable,
  NotFoundException,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { bearerKeyCheck } from '../platform/http/bearer-key.js';

/** Requests that were admitted in another way than by the admin key. */
const admitted = new WeakSet<object>();

/** Lets one request in, whose sender has proved in another way that it may. */
export function admitOnce(request: Request): void {
  admitted.add(request);
}

type Admit = (request: Request, response: Response) => void;

/** Lets the routes of operators be called by whom {@link admitAdmins} lets in, and nobody else. */
@Injectable()
export class AdminGuard implements CanActivate {
  private readonly admit: Admit;

  constructor(@Inject(ENV) env: RunningEnv) {
    this.admit = admission(env.adminToken);
  }

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    this.admit(http.getRequest(), http.getResponse());
    return true;
  }
}

/** Stands in front of everything under a path, so that nothing of a stranger's body is read. */
export function admitAdmins(adminToken: string | undefined) {
  const admit = admission(adminToken);
  return (request: Request, response: Response, next: NextFunction): void => {
    admit(request, response);
    next();
  };
}

/**
 * Lets in who bears the admin key (RFC 6750 2.1). Without a configured one there is no door:
 * everything is 404.
 */
function admission(adminToken: string | undefined): Admit {
  const bearsKey = adminToken === undefined ? null : bearerKeyCheck(adminToken);
  return (request, response) => {
    if (admitted.has(request)) return;
    if (bearsKey === null) throw new NotFoundException('no such route');
    if (bearsKey(request)) return;
    response.setHeader('WWW-Authenticate', 'Bearer realm="mandate admin"');
    throw new UnauthorizedException('a valid admin key is required');
  };
}
