import { Get, Query } from '@nestjs/common';
import type { AuditScope } from '../../audit/audit-filters.js';
import { AuditSearch } from '../../audit/audit-search.service.js';
import type { AuditedEventView } from '../../audit/audited-event.js';
import { AdminController } from '../admin-controller.js';
import { CurrentOperator, seesZone, type Operator } from '../operators/operator.js';
import type { Page } from '../pagination.js';
import { ForSomeZones } from '../permission.js';
import { AuditOfZonesQuery } from './audit-query.body.js';
import { filtersOf, partOf, toPage } from './audited.js';

/** Shows what was recorded, of whichever zone. */
@AdminController('audit', { noun: 'audit' })
export class AuditController {
  constructor(private readonly search: AuditSearch) {}

  /**
   * Lists events of the audit log, the newest first: of all zones that the operator may see, and for an operator of all zones
   * also of zones that are gone, and of the installation.
   */
  @Get()
  @ForSomeZones()
  async list(
    @Query() query: AuditOfZonesQuery,
    @CurrentOperator() operator: Operator,
  ): Promise<Page<AuditedEventView>> {
    const scope = scopeOf(operator, query.zone);
    return toPage(await this.search.page(scope, filtersOf(query), partOf(query)));
  }
}

/** In which zones an operator looks: in all that it may see, or in one of those. */
export function scopeOf(operator: Operator, zone: string | undefined): AuditScope {
  if (zone === undefined) return { zones: operator.zones };
  return { zones: seesZone(operator, zone.toLowerCase()) ? [zone] : [] };
}
