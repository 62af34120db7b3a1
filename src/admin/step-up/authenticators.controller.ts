import { Body, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { Authenticator } from '../../step-up/authenticators/authenticator.entity.js';
import { Enrolments } from '../../step-up/authenticators/enrolments.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuthenticatorRenewal, KEY_KNOWN_TO_LOG_READERS } from './authenticator-renewal.service.js';
import { AuthenticatorBody, AuthenticatorsQuery, EnrolmentBody } from './authenticator.body.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { readPage } from '../pagination.js';

/** @param known whether log readers may know its key */
function toView(authenticator: Authenticator, known: boolean) {
  const { id, subject, subjectIssuer, kind, recoveryDigests, lastUsedAt, createdAt } =
    authenticator;
  return {
    id,
    kind,
    subject,
    ...(subjectIssuer === null ? {} : { issuer: subjectIssuer }),
    ...(kind === 'totp' ? { key_known_to_log_readers: known } : {}),
    ...(kind === 'recovery_code' ? { codes_left: recoveryDigests?.length ?? 0 } : {}),
    last_used_at: lastUsedAt,
    created_at: createdAt,
  };
}

const WHERE_KNOWN = {
  true: KEY_KNOWN_TO_LOG_READERS,
  false: `NOT (${KEY_KNOWN_TO_LOG_READERS})`,
} as const;

const personIn = ({ subject, issuer }: EnrolmentBody) => ({ subject, issuer: issuer ?? null });

/** Registers what people confirm with, and forgets it when it is lost. */
@AdminController('zones/:zone/authenticators')
export class AuthenticatorsController {
  constructor(
    @InjectRepository(Authenticator) private readonly authenticators: Repository<Authenticator>,
    private readonly changes: AuditedChanges,
    private readonly enrolments: Enrolments,
    private readonly renewal: AuthenticatorRenewal,
  ) {}

  /** Lists authenticators: those of one subject, or with keys that log readers may know, if that is asked for. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() query: AuthenticatorsQuery) {
    const { subject, key_known_to_log_readers: known } = query;
    const within = { zoneId, ...(subject === undefined ? {} : { subject }) };
    const condition = known === undefined ? undefined : WHERE_KNOWN[known];
    const page = await readPage(this.authenticators, within, query, (row) => row, condition);
    const marked = await this.renewal.among(zoneId, page.items);
    return { ...page, items: page.items.map((row) => toView(row, marked.has(row.id))) };
  }

  /** Makes a link by which a person registers an app or a passkey: good once, for 15 minutes, shown this once. */
  @Post('enrolments')
  async invite(
    @InZone() { id: zoneId }: Zone,
    @Change('authenticator.invited') change: Change,
    @Body() body: EnrolmentBody,
  ) {
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
  ) {
    const { authenticator, key } = await this.changes.run(change, async (tx) => {
      const result = await this.enrolments.addTotp(tx, zoneId, personIn(body));
      return { result, details: { authenticator: toView(result.authenticator, false) } };
    });
    response.location(`/internal/zones/${zoneId}/authenticators/${authenticator.id}`);
    return { ...toView(authenticator, false), secret: key.secret, otpauth_uri: key.uri };
  }

  /** Forgets an authenticator, such as one that was lost. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('authenticator.removed') change: Change,
  ): Promise<void> {
    await this.changes.run(change, async (tx) => {
      const authenticators = tx.getRepository(Authenticator);
      const authenticator = await findRow(authenticators, { zoneId, id }, 'authenticator');
      const known = (await this.renewal.among(zoneId, [authenticator], authenticators)).has(id);
      await authenticators.delete({ zoneId, id });
      return { result: undefined, details: { authenticator: toView(authenticator, known) } };
    });
  }
}
