import {
  Inject,
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { verifyGatewaySignature } from '../../authentication/gateway-signature.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { gatewayHeadersOf } from '../../platform/http/gateway-headers.js';
import { readSignedBytes } from '../../platform/http/json-body.js';
import { admitOnce } from '../admin.guard.js';

/**
 * The guard of the policy routes for gateways: the signature that they exchange tokens with. A request
 * that has any header of it is a gateway's, and is admitted as such or not at all; all others are left
 * to the admin guard.
 */
@Injectable()
export class GatewayGuard implements CanActivate {
  constructor(
    private readonly ledger: Ledger,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    await this.admit(http.getRequest(), http.getResponse());
    return true;
  }

  /**
   * @throws {HttpException} 401 for a signature that is not usable, or was used; 413 and 415 for a body
   *   that cannot be read
   */
  async admit(request: Request, response: Response): Promise<void> {
    const headers = gatewayHeadersOf(request);
    if (headers === null) return;
    const body = await readSignedBytes(request, response);
    const signed = { method: request.method, path: request.originalUrl, body };
    const key = this.env.gatewayHmacKey ?? null;
    const nonce = verifyGatewaySignature(headers, signed, key, this.clock.now());
    const usable =
      typeof nonce !== 'string' &&
      (await this.ledger.spend(NO_ZONE, { purpose: 'gateway_request', ...nonce }));
    if (!usable) throw new UnauthorizedException('the gateway signature is not usable');
    admitOnce(request);
  }
}
