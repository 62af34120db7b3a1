import {
  Inject,
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';
import {
  gatewayHeadersProblem,
  verifyGatewaySignature,
} from '../../authentication/gateway-signature.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { readGatewayHeaders } from '../../platform/http/read-gateway-headers.js';
import { readSignedBytes } from '../../platform/http/json-body.js';
import { admitOnce } from '../admin.guard.js';
import type { Operator } from '../operators/operator.js';

/** A gateway: it proves that it holds the key that gateways share. */
const GATEWAY: Operator = {
  id: null,
  name: 'gateway',
  role: 'gateway',
  permissions: new Set(['policies:read']),
  zones: null,
};

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
    await this.admit(context.switchToHttp().getRequest());
    return true;
  }

  /**
   * @throws {HttpException} 401 for a signature that is not usable, or was used; 413 and 415 for a body
   *   that cannot be read
   */
  async admit(request: Request): Promise<void> {
    const headers = readGatewayHeaders(request);
    if (headers === null) return;
    const keys = this.env.gatewayHmacKeys;
    // A stranger has not even a body read.
    if (gatewayHeadersProblem(headers, keys.length > 0, this.clock.now()) !== null)
      throw unusable();
    const body = await readSignedBytes(request);
    const signed = { method: request.method, path: request.originalUrl, body };
    const nonce = verifyGatewaySignature(headers, signed, keys, this.clock.now());
    const usable =
      typeof nonce !== 'string' &&
      (await this.ledger.spend(NO_ZONE, { purpose: 'gateway_request', ...nonce }));
    if (!usable) throw unusable();
    admitOnce(request, GATEWAY);
  }
}

function unusable(): UnauthorizedException {
  return new UnauthorizedException('the gateway signature is not usable');
}
