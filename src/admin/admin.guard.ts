import {
  ForbiddenException,
  Injectable,
  NotFoundException,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { isUuid } from '../oauth/vocabulary.js';
import { bearerChallenge } from '../platform/http/bearer-challenge.js';
import { inFlightOf } from '../platform/http/overload/in-flight.js';
import { mayChangeControlZone } from './operators/control-zone.js';
import { OperatorAuthentication } from './operators/operator-authentication.service.js';
import { operatorOf, seesZone, setOperator, type Operator } from './operators/operator.js';
import { Refusals } from './operators/refusals.service.js';
import { isForSomeZones, permissionOf, type Asked } from './permission.js';

/**
 * Whether something that a permission allows may give authority in a zone. In the control zone that is to administer: whoever
 * writes its policies or registers its clients could have itself permitted anything.
 */
function mayGive(permission: Asked | null): boolean {
  const takes = permission === 'sessions:write' || permission === 'revocations:write';
  return permission !== null && permission !== 'none' && !permission.endsWith(':read') && !takes;
}

const ZONE_OF_PATH = /^\/internal\/zones\/([^/?]+)/i;

/** Requests that were admitted by another guard. */
const admitted = new WeakSet<object>();

/** Admits one request past {@link AdminGuard}, as of an operator whose permissions are looked at still. */
export function admitOnce(request: Request, as: Operator): void {
  setOperator(request, as);
  admitted.add(request);
}

/** The guard of operators' routes: who asks, and whether that operator has the permission of the route, in its zone. */
@Injectable()
export class AdminGuard implements CanActivate {
  constructor(
    private readonly operators: OperatorAuthentication,
    private readonly refusals: Refusals,
  ) {}

  /** Whether there is anybody who may come in, and so a door. */
  get isDoor(): boolean {
    return this.operators.isPossible;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    await this.admit(request, http.getResponse());
    await this.permit(request, context.getHandler());
    return true;
  }

  /**
   * Admits a request of an operator, which counts as one of the zone that it is about from then on: what operators ask for
   * in one zone may have to wait for its turn there, and leaves room for other zones.
   *
   * @throws {HttpException} 401 for who is no operator; 404 if nobody can be one: then there is no door
   * @throws {Overloaded} if the zone has enough in flight
   */
  async admit(request: Request, response: Response): Promise<void> {
    if (admitted.has(request)) return;
    if (!this.isDoor) throw new NotFoundException('no such route');
    const operator = await this.operators.authenticate(request);
    if (operator !== null) {
      setOperator(request, operator);
      const zoneId = ZONE_OF_PATH.exec(request.originalUrl)?.[1];
      if (zoneId === undefined) inFlightOf(request).noteOperator();
      else inFlightOf(request).countFor(zoneId, null, 'operator');
      return;
    }
    response.setHeader('WWW-Authenticate', bearerChallenge(request, 'mandate admin'));
    throw new UnauthorizedException('a valid admin key is required');
  }

  /** @throws {HttpException} 403 for what the operator may not; 404 for a zone that it may not see, as if there were none */
  private async permit(request: Request, handler: object): Promise<void> {
    const operator = operatorOf(request);
    const { permissions, role, zones } = operator;
    const { zone, zoneID = zone } = request.params;
    const zoneId = typeof zoneID === 'string' ? zoneID : null;
    const refuse = async (lacks: string): Promise<never> => {
      const asked = zoneId !== null && isUuid(zoneId) ? zoneId : null;
      await this.refusals.record(request, operator, { lacks, zoneId: asked });
      throw new ForbiddenException(
        `${lacks} is required, which this operator (${role}) does not have`,
      );
    };
    const permission = permissionOf(handler);
    if (permission === null) await refuse('a permission that nobody has');
    else if (permission !== 'none' && !permissions.has(permission)) {
      await refuse(`the permission ${permission}`);
    }
    const isControl = zoneId !== null && zoneId === this.operators.controlZoneId;
    const givesItself = isControl && mayGive(permission);
    if (givesItself && !mayChangeControlZone(operator)) {
      await refuse('all that an owner may do, as this is the control zone,');
    }
    if (zones === null) return;
    if (zoneId === null && !isForSomeZones(handler)) await refuse('to be an operator of all zones');
    if (zoneId !== null && !seesZone(operator, zoneId)) throw new NotFoundException('no such zone');
  }
}
