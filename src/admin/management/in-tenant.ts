import {
  createParamDecorator,
  Injectable,
  type ExecutionContext,
  type PipeTransform,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Request } from 'express';
import { IsNull, type DataSource } from 'typeorm';
import { isUuid } from '../../oauth/vocabulary.js';
import { OPERATORS } from '../../platform/database/operators-connections.js';
import { ApiParam } from '../../platform/http/openapi-decorators.js';
import { Zone } from '../../zones/zone.entity.js';
import { found } from '../find-row.js';

/** Finds the zone that Shyntr's clients call a tenant, by id or by name. */
@Injectable()
export class Tenants implements PipeTransform<string, Promise<Zone>> {
  constructor(@InjectDataSource(OPERATORS) private readonly dataSource: DataSource) {}

  /** @throws {NotFoundException} if there is none, or it is being removed */
  async transform(named: string): Promise<Zone> {
    return found(await this.find(named), 'tenant');
  }

  /** @returns `null` if there is none, or it is being removed */
  async find(named: string): Promise<Zone | null> {
    // Nothing has a NUL in it, which PostgreSQL would not even look for.
    if (named.includes('\0')) return null;
    const which = isUuid(named) ? { id: named } : { name: named };
    return this.dataSource.getRepository(Zone).findOneBy({ ...which, removedAt: IsNull() });
  }
}

const inPath = ApiParam({
  name: 'tenant',
  type: String,
  description: 'The id or the name of a zone',
});

const TenantParameter = createParamDecorator(
  (_data: undefined, context: ExecutionContext) =>
    String(context.switchToHttp().getRequest<Request>().params['tenant']),
  [
    (target, name = '') => {
      const handler = Object.getOwnPropertyDescriptor(target, name);
      if (handler !== undefined) inPath(target, name, handler);
    },
  ],
);

/** The zone of a handler's path (`:tenant`). There is none: 404, and the handler is not called. */
export const InTenant = (): ParameterDecorator => TenantParameter(undefined, Tenants);
