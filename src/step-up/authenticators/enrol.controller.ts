import { Controller, Get, Inject, NotFoundException, Param, Post, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { CONFIRMATION_METHODS } from '../decision-methods.js';
import type { EnrolmentLink } from './confirmation-method.js';
import { enrolPage } from './enrol-page.js';
import { Enrolments } from './enrolments.service.js';
import { notice, type Page } from './page.js';
import { readPageForm } from './page-form.js';
import { readAssets, sendPage } from './page-answer.js';

const UNKNOWN = notice(
  'Nothing here',
  'This link has been used, or is too old. Ask for a new one.',
);
const DONE = notice(
  'That works',
  'From now on you can confirm requests with it. You can close this page.',
  'good',
);

/** The fields in which the forms send evidence. */
const FIELDS = CONFIRMATION_METHODS.map(({ enrolField }) => enrolField);

/** Seconds for which browsers may keep what pages load. */
const ASSET_SECONDS = 3_600;

/** The page on which a person registers an authenticator. */
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
    return sendPage(response, 200, this.page({ token, enrolment }, null));
  }

  @Post('enrol/:token')
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiOperation({ summary: 'What the page sends: a first code, or a new passkey' })
  async enrol(
    @Param('token') token: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const form = await readPageForm(request, FIELDS);
    const enrolment = await this.enrolments.find(token);
    if (enrolment === null) return sendPage(response, 404, UNKNOWN);
    const link = { token, enrolment };
    const sent = CONFIRMATION_METHODS.findLast(({ enrolField }) => form[enrolField] !== undefined);
    const method = sent ?? CONFIRMATION_METHODS[0];
    const evidence = form[method.enrolField] ?? '';
    const worked = await this.enrolments.enrol(link, method, evidence, requestIdOf(request));
    if (worked) return sendPage(response, 200, DONE);
    return sendPage(response, 400, this.page(link, method.enrolProblem));
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

  private page(link: EnrolmentLink, problem: string | null): Page {
    const { subject, subjectIssuer: issuer } = link.enrolment;
    const about = { ...link, env: this.env, failed: problem !== null };
    const forms = CONFIRMATION_METHODS.map((method) => method.enrolForm(about));
    const scripted = CONFIRMATION_METHODS.some((method) => method.scripted);
    return enrolPage({ subject, issuer, forms, scripted, problem });
  }
}
