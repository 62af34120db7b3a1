import { UnauthorizedException } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import {
  verifyGatewaySignature,
  type GatewayNonce,
} from '../../authentication/gateway-signature.js';
import { systemClock } from '../../platform/config/clock.js';
import { gatewayHeadersOf } from '../../platform/http/gateway-headers.js';
import { readSignedBytes } from '../../platform/http/json-body.js';
import { NO_ZONE, type Nonce } from '../../ledger/entry.js';
import { admitOnce } from '../admin.guard.js';

/** Spends what may be used once. */
export interface NonceSpender {
  spend(zoneId: string, nonce: Nonce): Promise<boolean>;
}

/**
 * Lets gateways ask about policy, with the signature that they exchange tokens with. A request that
 * has any header of it is a gateway's, and is admitted as such or not at all.
 */
export function admitGateways(key: Buffer | undefined, nonces: () => NonceSpender) {
  const isNew = (nonce: GatewayNonce): Promise<boolean> =>
    nonces().spend(NO_ZONE, { purpose: 'gateway_request', ...nonce });
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const headers = gatewayHeadersOf(request);
    if (headers !== null) {
      const body = await readSignedBytes(request, response);
      const signed = { method: request.method, path: request.originalUrl, body };
      const checked = verifyGatewaySignature(headers, signed, key ?? null, systemClock.now());
      if (typeof checked === 'string' || !(await isNew(checked))) {
        throw new UnauthorizedException('the gateway signature is not usable');
      }
      admitOnce(request);
    }
    next();
  };
}
