import {
  Body,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { isUuid } from '../../oauth/vocabulary.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import type { Removal } from '../../zones/removal.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { removing } from '../removals/describe-removal.js';
import { Removals } from '../removals/removals.service.js';
import { IssuerRegistry, type RegisteredIssuer } from './issuer-registry.service.js';
import { end, foresee } from './issuer-removal.js';
import type { UseOfIssuer } from './issuer-use.js';
import {
  toView,
  type IssuerDetailView,
  type IssuerView,
  type PollView,
  type RemovedIssuer,
  type RemovingIssuerView,
} from './issuer-view.js';
import {
  IssuerBody,
  IssuerChangeBody,
  IssuerReplacementBody,
  IssuersQuery,
} from './issuer.body.js';
import { patchedIssuer } from './patched-issuer.js';

/** Registers, lists, changes and removes the issuers that a zone trusts. */
@AdminController('zones/:zone/issuers', { noun: 'issuers' })
export class IssuersController {
  constructor(
    @InjectRepository(TrustedIssuerRow) private readonly issuers: Repository<TrustedIssuerRow>,
    private readonly changes: AuditedChanges,
    private readonly removals: Removals,
    private readonly dryRuns: DryRuns,
    private readonly registry: IssuerRegistry,
  ) {}

  /** Registers an issuer: its tokens are believed from now on. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('issuer.created') change: Change,
    @Body() body: IssuerBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IssuerView> {
    const row = await this.changes.run(change, (tx) => this.registry.register(tx, zoneId, body));
    response.location(`/internal/zones/${zoneId}/issuers/${row.id}`);
    return tagged(response, toView(row));
  }

  /** Lists issuers: all, those that are searched for, or the one of a name. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: IssuersQuery,
  ): Promise<Page<IssuerView>> {
    return readPage(this.issuers, { zoneId }, query, toView, [
      ...having('issuer', query.issuer),
      ...containing(['issuer'], query.search),
    ]);
  }

  /** Shows an issuer; of one whose sessions are being marked as ended, how far that is. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IssuerDetailView | RemovingIssuerView> {
    const removal = isUuid(id) ? await this.removals.find(zoneId, id) : null;
    if (removal?.kind === 'issuer') return { id, issuer: removal.name, ...removing(removal) };
    const view = tagged(response, toView(await findRow(this.issuers, { zoneId, id }, 'issuer')));
    if (view.ssf_poll_url === undefined) return view;
    const [poll] = await this.issuers.query<PollView[]>(POLLED, [zoneId, id]);
    return { ...view, ...(poll === undefined ? {} : { ssf_poll: poll }) };
  }

  /** Replaces everything that is registered of an issuer, except what it is called. */
  @Put(':id')
  async replace(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: IssuerReplacementBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IssuerView> {
    if (body.id !== undefined && body.id !== id) {
      throw new UnprocessableEntityException('id: it is that of another issuer');
    }
    return tagged(response, await this.write(change, { zoneId, id }, precondition, () => body));
  }

  /** Changes an issuer (a merge patch, RFC 7396), except what it is called. */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: IssuerChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IssuerView> {
    const changed = (row: TrustedIssuerRow) => patchedIssuer(row, body);
    return tagged(response, await this.write(change, { zoneId, id }, precondition, changed));
  }

  /**
   * Removes an issuer, and ends the sessions of its users, all at once. If they are too many to be marked at
   * once, the answer is 202, and they are marked in the background. Its tokens name no client any more. Refused while it
   * is the `workload_identity` of a client.
   */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  @ApiResponse({
    status: 202,
    description: 'Removed; its sessions have ended, and are being marked so',
  })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('issuer.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RemovedIssuer | DryRun<WouldDelete<IssuerView, UseOfIssuer>> | undefined> {
    if (isDryRun(query)) {
      return this.dryRuns.run(response, (tx) => foresee(tx, zoneId, id, precondition));
    }
    const removal = await this.changes.run<Removal | null>(change, (tx) =>
      end(tx, zoneId, id, precondition),
    );
    if (removal === null) return undefined;
    response.status(202);
    return { id, ...removing(removal) };
  }

  private write(
    change: Change,
    which: { readonly zoneId: string; readonly id: string },
    precondition: Precondition,
    changed: (before: TrustedIssuerRow) => RegisteredIssuer,
  ): Promise<IssuerView> {
    return this.changes.run(change, (tx) => this.registry.write(tx, which, precondition, changed));
  }
}

const POLLED = `
  SELECT answered_at, attempts AS failures, last_error FROM ssf_polls WHERE zone_id = $1 AND issuer_id = $2`;
