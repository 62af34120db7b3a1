import {
  Body,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { InstallationWebhook } from '../../webhooks/installation-webhook.entity.js';
import { InstallationWebhooks } from '../../webhooks/installation-webhooks.service.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { InstallationChange, type Change } from '../change.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { entityTag, IfMatch, Precondition } from '../entity-tag.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { ForSomeZones } from '../permission.js';
import { checkMayTell, findSeen, readToldZones, seenWebhooks, toldOf } from './told-zones.js';
import {
  InstallationWebhookBody,
  InstallationWebhookChangeBody,
  InstallationWebhooksQuery,
} from './webhook.body.js';
import { checkWebhookUrl, useOf, type UseOfWebhook } from './webhook-deliveries.js';
import { columnsOf, switchedOn } from './webhook-rows.js';
import { findToChange, withInstallationWebhook } from './with-webhook.js';
import {
  registeredForZones,
  toInstallationView,
  type InstallationWebhookView,
  type InstallationWebhookWithSecret,
} from './webhook-view.js';

/**
 * Registers webhooks that are told of several zones, or of all. Who may
 * see some zones only has its own there: those whose zones it may see every one.
 */
@AdminController('webhooks', { noun: 'webhooks' })
export class InstallationWebhooksController {
  constructor(
    @InjectRepository(InstallationWebhook) private readonly rows: Repository<InstallationWebhook>,
    private readonly changes: AuditedChanges,
    private readonly dryRuns: DryRuns,
    private readonly webhooks: InstallationWebhooks,
    private readonly policies: OutboundPolicies,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Registers a webhook of several zones. Its secret is in the answer, this once. */
  @Post()
  @ForSomeZones()
  async register(
    @InstallationChange('webhook.registered') change: Change,
    @Body() { name, url, events = [], zone_ids: zoneIds }: InstallationWebhookBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InstallationWebhookWithSecret> {
    const zones = readToldZones(zoneIds);
    const made = await this.changes.runWithoutZone(change, async (tx) => {
      await checkMayTell(tx, change.operator, zones);
      await checkWebhookUrl(tx, this.policies, null, url);
      const registration = { name: name ?? null, url, events: [...new Set(events)] };
      const result = await this.webhooks.register(tx, registration, zones);
      return { result, details: { webhook: registeredForZones(result.webhook) } };
    });
    response.location(`/internal/webhooks/${made.webhook.id}`);
    return { ...tagged(response, made.webhook), secret: made.secret };
  }

  /** Lists the webhooks of several zones that the operator may see. */
  @Get()
  @ForSomeZones()
  async list(
    @Query() { name, enabled, search, zone, ...page }: InstallationWebhooksQuery,
    @CurrentOperator() operator: Operator,
  ): Promise<Page<InstallationWebhookView>> {
    return readPage(this.rows, {}, page, toInstallationView, [
      ...seenWebhooks(operator),
      ...toldOf(zone),
      ...having('name', name),
      ...switchedOn(enabled),
      ...containing(['name', 'url'], search),
    ]);
  }

  /** Shows a webhook of several zones. */
  @Get(':id')
  @ForSomeZones()
  async show(
    @Param('id') id: string,
    @CurrentOperator() operator: Operator,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InstallationWebhookView> {
    return tagged(response, await findSeen(this.rows, id, operator));
  }

  /** Changes a webhook of several zones (a merge patch, RFC 7396): its zones, its name, where it is, what it is told, or whether. */
  @Patch(':id')
  @ForSomeZones()
  async change(
    @Param('id') id: string,
    @InstallationChange('webhook.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: InstallationWebhookChangeBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InstallationWebhookView> {
    const changed = await this.changes.runWithoutZone(change, async (tx) => {
      const { rows, webhook } = await findToChange(tx, id, change, precondition);
      if (body.url !== undefined) await checkWebhookUrl(tx, this.policies, null, body.url);
      const columns = columnsOf(body, this.clock.now());
      if (Object.keys(columns).length > 0) await rows.update({ id }, columns);
      if (body.zone_ids !== undefined) {
        const zones = readToldZones(body.zone_ids);
        await checkMayTell(tx, change.operator, zones);
        await this.webhooks.changeZones(tx, webhook, zones);
      }
      const result = await rows.findOneByOrFail({ id });
      const [before, after] = [registeredForZones(webhook), registeredForZones(result)];
      return { result, details: { before, after } };
    });
    return tagged(response, changed);
  }

  /** Removes a webhook of several zones, with what it was still to be told. */
  @Delete(':id')
  @ForSomeZones()
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  async remove(
    @Param('id') id: string,
    @InstallationChange('webhook.removed') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<InstallationWebhookView, UseOfWebhook>> | undefined> {
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const { webhook } = await findToChange(tx, id, change, precondition);
        const would = {
          delete: toInstallationView(webhook),
          affects: await useOf(tx, { of: 'installation', id }),
        };
        return { tag: entityTag(registeredForZones(webhook)), would };
      });
    }
    await withInstallationWebhook(this.changes, { id, change, precondition }, (tx, webhook) =>
      this.webhooks.remove(tx, webhook),
    );
    return undefined;
  }

  /** Gives a webhook of several zones another secret, shown this once. The one before signs along for a day. */
  @Post(':id/secret')
  @ForSomeZones()
  async rotate(
    @Param('id') id: string,
    @InstallationChange('webhook.secret_rotated') change: Change,
    @IfMatch() precondition: Precondition,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InstallationWebhookWithSecret> {
    const made = await withInstallationWebhook(
      this.changes,
      { id, change, precondition },
      (tx, webhook) => this.webhooks.rotate(tx, webhook, this.clock.now()),
    );
    return { ...tagged(response, made.webhook), secret: made.secret };
  }
}

/** Answers with a webhook under the entity tag of what is registered of it. */
function tagged(response: Response, row: InstallationWebhook): InstallationWebhookView {
  response.setHeader('ETag', entityTag(registeredForZones(row)));
  return toInstallationView(row);
}
