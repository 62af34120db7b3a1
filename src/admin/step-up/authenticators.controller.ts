import { Body, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Authenticator } from '../../step-up/authenticators/authenticator.entity.js';
import { Enrolments } from '../../step-up/authenticators/enrolments.service.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { AdminController } from '../admin-controller.js';
import { AuthenticatorBody, AuthenticatorsQuery, EnrolmentBody } from './authenticator.body.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { readPage } from '../pagination.js';

function view({ id, subject, subjectIssuer, kind, lastUsedAt, createdAt }: Authenticator) {
  return {
    id,
    kind,
    subject,
    ...(subjectIssuer === null ? {} : { issuer: subjectIssuer }),
    last_used_at: lastUsedAt,
    created_at: createdAt,
  };
}

const personIn = ({ subject, issuer }: EnrolmentBody) => ({ subject, issuer: issuer ?? null });

/** Registers what people confirm with, and forgets it when it is lost. */
@AdminController('zones/:zone/authenticators')
export class AuthenticatorsController {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly enrolments: Enrolments,
  ) {}

  /** Lists authenticators, those of one subject if that is given. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() query: AuthenticatorsQuery) {
    await zoneExists(this.changes.read, zoneId);
    const { subject } = query;
    const within = { zoneId, ...(subject === undefined ? {} : { subject }) };
    return readPage(this.changes.read, Authenticator, within, query, view);
  }

  /** Makes a link by which a person registers an app or a passkey: good once, for 15 minutes, shown this once. */
  @Post('enrolments')
  async invite(
    @Param('zone') zoneId: string,
    @Body() body: EnrolmentBody,
    @Req() request: Request,
  ) {
    await zoneExists(this.changes.read, zoneId);
    const change = { zoneId, requestId: requestIdOf(request), type: 'authenticator.invited' };
    const person = personIn(body);
    const { url, expiresAt } = await this.changes.run(change, async (tx) => ({
      result: await this.enrolments.invite(tx, zoneId, person),
      details: { person },
    }));
    return { enrolment_url: url, expires_at: expiresAt };
  }

  /** Registers an app that makes codes, for whoever sets it up by other means. The key is shown this once. */
  @Post()
  async register(
    @Param('zone') zoneId: string,
    @Body() body: AuthenticatorBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    await zoneExists(this.changes.read, zoneId);
    const change = { zoneId, requestId: requestIdOf(request), type: 'authenticator.registered' };
    const { authenticator, key } = await this.changes.run(change, async (tx) => {
      const result = await this.enrolments.addTotp(tx, zoneId, personIn(body));
      return { result, details: { authenticator: view(result.authenticator) } };
    });
    response.location(`/internal/zones/${zoneId}/authenticators/${authenticator.id}`);
    return { ...view(authenticator), secret: key.secret, otpauth_uri: key.uri };
  }

  /** Forgets an authenticator, such as one that was lost. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    await zoneExists(this.changes.read, zoneId);
    const change = { zoneId, requestId: requestIdOf(request), type: 'authenticator.removed' };
    await this.changes.run(change, async (tx) => {
      const row = isUuid(id) ? await tx.findOneBy(Authenticator, { zoneId, id }) : null;
      const authenticator = found(row, 'authenticator');
      await tx.delete(Authenticator, { zoneId, id });
      return { result: undefined, details: { authenticator: view(authenticator) } };
    });
  }
}
