import { Get, Query } from '@nestjs/common';
import { AuditSearch } from '../../audit/audit-search.service.js';
import type { AuditedEventView } from '../../audit/audited-event.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { InZone } from '../in-zone.js';
import type { Page } from '../pagination.js';
import { AuditQuery } from './audit-query.body.js';
import { filtersOf, partOf, toPage } from './audited.js';

/** Shows what was recorded of a zone. */
@AdminController('zones/:zone/audit', { noun: 'audit' })
export class ZoneAuditController {
  constructor(private readonly search: AuditSearch) {}

  /**
   * Lists events of the audit log of a zone, the newest first: those that have all of what is asked for. Pages stay as they
   * are while events are added.
   */
  @Get()
  async list(
    @InZone('being removed') { id }: Zone,
    @Query() query: AuditQuery,
  ): Promise<Page<AuditedEventView>> {
    return toPage(await this.search.page({ zones: [id] }, filtersOf(query), partOf(query)));
  }
}
