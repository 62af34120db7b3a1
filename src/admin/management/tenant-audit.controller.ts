import { Get, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { AuditSearch } from '../../audit/audit-search.service.js';
import { viewOf, type AuditedEventView } from '../../audit/audited-event.js';
import type { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { PAGE_LIMIT } from '../pagination.body.js';
import { InTenant } from './in-tenant.js';
import { TenantAuditQuery } from './tenant-audit.body.js';

/** An event of the audit log, as Shyntr's clients ask for it. */
export interface TenantEventView extends AuditedEventView {
  readonly tenant_id: string;
}

/** The audit log by the path of Shyntr's management API. */
@AdminController('audit/:tenant', { noun: 'audit', below: 'admin/management' })
export class TenantAuditController {
  constructor(private readonly search: AuditSearch) {}

  /** Lists what was recorded of a tenant, the newest first. */
  @Get()
  async list(
    @InTenant() { id }: Zone,
    @Query() { limit = PAGE_LIMIT, offset = 0 }: TenantAuditQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly TenantEventView[]> {
    const { items, next } = await this.search.page({ zones: [id] }, {}, { limit, offset });
    if (next !== undefined) {
      response.setHeader('Link', `<?limit=${limit}&offset=${offset + limit}>; rel="next"`);
    }
    return items.map((event) => ({ ...viewOf(event), tenant_id: id }));
  }
}
