import { createHash } from 'node:crypto';
import { Controller, Get, Inject, NotFoundException, Param, Post, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import type { Enrolment } from './enrolment.entity.js';
import { enrolPage } from './enrol-page.js';
import { Enrolments } from './enrolments.service.js';
import { notice, type Page } from './page.js';
import { readPageForm } from './page-form.js';
import { readAssets, sendPage } from './page-answer.js';
import { enrolmentNonce, relyingPartyAt } from './passkey/relying-party.js';

const UNKNOWN = notice(
  'Nothing here',
  'This link has been used, or is too old. Ask for a new one.',
);
const DONE = notice(
  'That works',
  'From now on you can confirm requests with it. You can close this page.',
  'good',
);

/** How long what pages load may be kept, in seconds. */
const ASSET_SECONDS = 3_600;

/** The page on which a person registers what it confirms with. */
@ApiTags('step-up')
@Controller('step-up')
export class EnrolController {
  private readonly assets = readAssets();

  constructor(
    private readonly enrolments: Enrolments,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  @Get('enrol/:token')
  @ApiOperation({ summary: 'The page on which a person registers an authenticator (HTML)' })
  async show(@Param('token') token: string, @Res() response: Response): Promise<void> {
    const enrolment = await this.enrolments.find(token);
    if (enrolment === null) return sendPage(response, 404, UNKNOWN);
    return sendPage(response, 200, this.page(token, enrolment, null));
  }

  @Post('enrol/:token')
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiOperation({ summary: 'What the page sends: a first code, or a new passkey' })
  async enrol(
    @Param('token') token: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { code, registration } = await readPageForm(request, ['code', 'registration']);
    const enrolment = await this.enrolments.find(token);
    if (enrolment === null) return sendPage(response, 404, UNKNOWN);
    const requestId = requestIdOf(request);
    const worked =
      registration === undefined
        ? await this.enrolments.enrolTotp(
            token,
            enrolment,
            (code ?? '').replaceAll(' ', ''),
            requestId,
          )
        : await this.enrolments.enrolPasskey(token, enrolment, registration, requestId);
    if (worked) return sendPage(response, 200, DONE);
    const problem =
      registration === undefined
        ? 'That code was not right. Enter the one that the app shows now.'
        : 'That passkey could not be set up. It may be registered already.';
    return sendPage(response, 400, this.page(token, enrolment, problem));
  }

  @Get('assets/:name')
  @ApiOperation({ summary: 'What the pages load' })
  asset(@Param('name') name: string, @Res() response: Response): void {
    const asset = this.assets.get(name);
    if (asset === undefined) throw new NotFoundException('no such asset');
    response
      .set({
        'Cache-Control': `public, max-age=${ASSET_SECONDS}`,
        'Content-Type': asset.type,
        'X-Content-Type-Options': 'nosniff',
      })
      .send(asset.body);
  }

  private page(token: string, enrolment: Enrolment, problem: string | null): Page {
    const { zoneId, subject, subjectIssuer: issuer } = enrolment;
    // A passkey knows its person by this; it says nothing to others (Web Authentication 14.6.1).
    const user = createHash('sha256')
      .update(JSON.stringify([zoneId, issuer, subject]))
      .digest();
    return enrolPage({
      subject,
      issuer,
      key: this.enrolments.keyOf(token, enrolment),
      passkey: {
        nonce: enrolmentNonce(token).toString('base64url'),
        rpId: relyingPartyAt(this.env.issuerUrl).id,
        userId: user.toString('base64url'),
      },
      problem,
    });
  }
}
