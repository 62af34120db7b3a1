import { setImmediate } from 'node:timers/promises';
import {
  createParamDecorator,
  Injectable,
  type ArgumentMetadata,
  type ExecutionContext,
  type PipeTransform,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { ApiParam } from '../platform/http/openapi-decorators.js';
import type { Request } from 'express';
import type { DataSource } from 'typeorm';
import { isUuid } from '../oauth/vocabulary.js';
import { OPERATORS } from '../platform/database/operators-connections.js';
import { Zone } from '../zones/zone.entity.js';
import { found } from './find-row.js';

/** The `:zone` of a path, as it is there. */
export function zoneIdOf(request: Request): string {
  return String(request.params['zone']);
}

const BEING_REMOVED = 'being removed';
type BeingRemoved = typeof BEING_REMOVED;

/** Finds the zone that a path names. */
@Injectable()
export class ZonePipe implements PipeTransform<string, Promise<Zone>> {
  constructor(@InjectDataSource(OPERATORS) private readonly dataSource: DataSource) {}

  /**
   * @param metadata its `data` is `being removed` where one that is being removed is a zone as well
   * @throws {NotFoundException} for an unknown zone and a malformed id alike, unless the rest of the
   *   request is not valid: that is checked at the same time, and is said first
   */
  async transform(id: string, { data }: ArgumentMetadata): Promise<Zone> {
    const zones = this.dataSource.getRepository(Zone);
    const zone = isUuid(id) ? await zones.findOneBy({ id }) : await setImmediate(null);
    const gone = zone !== null && zone.removedAt !== null && data !== BEING_REMOVED;
    return found(gone ? null : zone, 'zone');
  }
}

const inPath = ApiParam({ name: 'zone', type: String });

const ZoneParameter = createParamDecorator(
  (_data: BeingRemoved | undefined, context: ExecutionContext) =>
    zoneIdOf(context.switchToHttp().getRequest<Request>()),
  [
    (target, name = '') => {
      const handler = Object.getOwnPropertyDescriptor(target, name);
      if (handler !== undefined) inPath(target, name, handler);
    },
  ],
);

/**
 * The zone of a handler's path (`:zone`). There is none: 404, and the handler is not called.
 *
 * @param what `being removed` if a zone that is being removed is meant, too
 */
export const InZone = (what?: BeingRemoved): ParameterDecorator => ZoneParameter(what, ZonePipe);
