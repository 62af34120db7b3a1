import { Body, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { pendingOfSubject, type UseForChallenges } from './challenge-use.js';
import type { Repository } from 'typeorm';
import { Authenticator } from '../../step-up/authenticators/authenticator.entity.js';
import { Enrolments } from '../../step-up/authenticators/enrolments.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuthenticatorRenewal, KEY_KNOWN_TO_LOG_READERS } from './authenticator-renewal.service.js';
import { AuthenticatorBody, AuthenticatorsQuery, EnrolmentBody } from './authenticator.body.js';
import type { Administered } from '../administered.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { Deletions } from '../deletions.service.js';
import { DryRunQuery } from '../dry-run.body.js';
import type { DryRun, WouldDelete } from '../dry-runs.service.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { readPage, type Page } from '../pagination.js';
import {
  toView,
  type AuthenticatorView,
  type EnrolmentView,
  type NewAuthenticatorView,
} from './authenticator-view.js';

const WHERE_KNOWN = {
  true: KEY_KNOWN_TO_LOG_READERS,
  false: `NOT (${KEY_KNOWN_TO_LOG_READERS})`,
} as const;

const personIn = ({ subject, issuer }: EnrolmentBody) => ({ subject, issuer: issuer ?? null });

/** Registers what people confirm with, and forgets it when it is lost. */
@AdminController('zones/:zone/authenticators', { noun: 'authenticators' })
export class AuthenticatorsController {
  constructor(
    @InjectRepository(Authenticator) private readonly authenticators: Repository<Authenticator>,
    private readonly changes: AuditedChanges,
    private readonly enrolments: Enrolments,
    private readonly renewal: AuthenticatorRenewal,
    private readonly deletions: Deletions,
  ) {}

  private readonly kind: Administered<Authenticator, AuthenticatorView> = {
    entity: Authenticator,
    noun: 'authenticator',
    recordedAs: 'authenticator',
    view: async (tx, row) => {
      const marked = await this.renewal.among(row.zoneId, [row], tx.getRepository(Authenticator));
      return toView(row, marked.has(row.id));
    },
  };

  /** Lists authenticators: those of one subject, or with keys that log readers may know, if that is asked for. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: AuthenticatorsQuery,
  ): Promise<Page<AuthenticatorView>> {
    const { subject, key_known_to_log_readers: known } = query;
    const within = { zoneId, ...(subject === undefined ? {} : { subject }) };
    const condition = known === undefined ? undefined : WHERE_KNOWN[known];
    const page = await readPage(this.authenticators, within, query, (row) => row, condition);
    const marked = await this.renewal.among(zoneId, page.items);
    return { ...page, items: page.items.map((row) => toView(row, marked.has(row.id))) };
  }

  /** Shows an authenticator. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AuthenticatorView> {
    const row = await findRow(this.authenticators, { zoneId, id }, 'authenticator');
    return tagged(response, toView(row, (await this.renewal.among(zoneId, [row])).has(id)));
  }

  /** Makes a link by which a person registers an app or a passkey: good once, for 15 minutes, shown this once. */
  @Post('enrolments')
  async invite(
    @InZone() { id: zoneId }: Zone,
    @Change('authenticator.invited') change: Change,
    @Body() body: EnrolmentBody,
  ): Promise<EnrolmentView> {
    const person = personIn(body);
    const invitation = await this.enrolments.newInvitation(zoneId, person);
    await this.changes.run(change, async (tx) => {
      await this.enrolments.invite(tx, invitation);
      return { result: undefined, details: { person, enrolment_id: invitation.row.id } };
    });
    return { enrolment_url: invitation.url, expires_at: invitation.expiresAt };
  }

  /** Registers an app that makes codes, for a person who sets it up by other means. The key is shown this once. */
  @Post()
  async register(
    @InZone() { id: zoneId }: Zone,
    @Change('authenticator.registered') change: Change,
    @Body() body: AuthenticatorBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NewAuthenticatorView> {
    const { authenticator, key } = await this.changes.run(change, async (tx) => {
      const result = await this.enrolments.addTotp(tx, zoneId, personIn(body));
      return { result, details: { authenticator: toView(result.authenticator, false) } };
    });
    response.location(`/internal/zones/${zoneId}/authenticators/${authenticator.id}`);
    const view = tagged(response, toView(authenticator, false));
    return { ...view, secret: key.secret, otpauth_uri: key.uri };
  }

  /** Forgets an authenticator, such as one that was lost. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('authenticator.removed') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<AuthenticatorView, UseForChallenges>> | undefined> {
    const deletion = { change, precondition, query, response };
    return this.deletions.run(deletion, this.kind, {
      where: { zoneId, id },
      affects: (tx, row) => pendingOfSubject(tx, zoneId, row),
    });
  }
}
