import {
  Controller,
  Get,
  HttpCode,
  Inject,
  NotFoundException,
  Param,
  Post,
  Req,
  Res,
  UseFilters,
} from '@nestjs/common';
import {
  Answers,
  ApiBody,
  ApiConsumes,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import type { Request, Response } from 'express';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { CONFIRMATION_METHODS } from '../decision-methods.js';
import type { ConfirmationMethod, EnrolmentLink } from './confirmation-method.js';
import { donePage, enrolLinkPage, enrolPage } from './enrol-page.js';
import { Enrolments } from './enrolments.service.js';
import { LINK_FIELD, secretIn } from './link.js';
import { notice, type Page } from './page.js';
import { PageErrors } from './page-errors.filter.js';
import { PAGE_FORM, readPageForm } from './page-form.js';
import { readAssets, sendPage } from './page-answer.js';
import { PageTexts, textsOf } from './page-texts.service.js';
import { RequestWordsReader } from './request-words.service.js';
import type { Texts } from './texts/en.js';

/** The fields that the page sends: its link, and the evidence of a method. */
const FIELDS = [LINK_FIELD, ...CONFIRMATION_METHODS.map(({ enrolField }) => enrolField)];

/** What such a link is answered. */
const OLD_GONE = {
  status: 410,
  description: 'A page that says so',
  content: { 'text/html': { schema: { type: 'string' as const } } },
};
const OLD_TOKEN = { name: 'token', type: String };

/** Seconds for which browsers may keep what pages load. */
const ASSET_SECONDS = 3_600;

/** The page on which a person registers an authenticator. Works without scripts. */
@ApiTags('step-up')
@Controller('step-up')
@UseFilters(PageErrors)
export class EnrolController {
  private readonly assets = readAssets();

  constructor(
    private readonly enrolments: Enrolments,
    private readonly texts: PageTexts,
    private readonly words: RequestWordsReader,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  @Get('enrol')
  @Answers<string>('text/html')
  @ApiOperation({ summary: 'The page on which a person registers an authenticator (HTML)' })
  show(@Req() request: Request, @Res() response: Response): void {
    const texts = textsOf(request);
    sendPage(response, 200, enrolLinkPage(texts), texts);
  }

  @Post('enrol')
  @ApiResponse({ status: 404, description: 'The link is used, expired or none' })
  @HttpCode(200)
  @Answers<string>('text/html')
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({ schema: PAGE_FORM })
  @ApiOperation({
    summary: 'What the page sends: its link; then also a first code, or a new passkey',
  })
  async enrol(@Req() request: Request, @Res() response: Response): Promise<void> {
    const form = await readPageForm(request, FIELDS);
    const token = secretIn(form[LINK_FIELD]);
    const link = token === null ? null : await this.enrolments.open(token);
    if (link === null) return unknown(request, response);
    try {
      const { zoneId } = link.enrolment;
      const texts = await this.texts.ofZone(request, zoneId);
      // Read before anything is registered: codes are shown once.
      const letterhead = await this.words.letterhead(zoneId);
      const send = (status: number, page: Page) =>
        sendPage(response, status, { ...page, ...letterhead }, texts);
      const methods = await this.enrolments.methodsFor(link);
      const method = methods.findLast(({ enrolField }) => form[enrolField] !== undefined);
      if (method === undefined) {
        return send(200, this.page(link, methods, null, texts, letterhead.organisation));
      }
      const evidence = form[method.enrolField] ?? '';
      const registered = await this.enrolments.enrol(link, method, evidence, requestIdOf(request));
      if (registered.outcome === 'registered') {
        return send(200, donePage(registered.codes, texts));
      }
      if (registered.outcome === 'gone') return unknown(request, response);
      return send(400, this.page(link, methods, method, texts, letterhead.organisation));
    } finally {
      link.secret.fill(0);
    }
  }

  /** A link as the first version made it, with its secret in the path, which proxies log: it is good for nothing. */
  @Get('enrol/:token')
  @Answers<never>()
  @ApiResponse(OLD_GONE)
  @ApiParam(OLD_TOKEN)
  @ApiOperation({ summary: 'A link as the first version made it: refused', deprecated: true })
  showOld(@Req() request: Request, @Res() response: Response): void {
    gone(request, response);
  }

  /** The page of such a link, open while the version changed. */
  @Post('enrol/:token')
  @Answers<never>()
  @ApiResponse(OLD_GONE)
  @ApiParam(OLD_TOKEN)
  @ApiOperation({ summary: 'The page of a link as the first version made it', deprecated: true })
  enrolOld(@Req() request: Request, @Res() response: Response): void {
    gone(request, response);
  }

  @Get('assets/:name')
  @Answers<string>('text/javascript', 'text/css')
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

  /** @param failed the method of the last attempt, if that failed */
  private page(
    link: EnrolmentLink,
    methods: readonly ConfirmationMethod[],
    failed: ConfirmationMethod | null,
    texts: Texts,
    organisation: string | null,
  ): Page {
    const { subject, subjectIssuer: issuer } = link.enrolment;
    const forms = methods.map((method) =>
      method.enrolForm({
        ...link,
        texts,
        organisation,
        env: this.env,
        failed: method.name === failed?.name,
      }),
    );
    const passkeys = methods.some((method) => method.scripted);
    const problem = failed?.enrolProblem(texts) ?? null;
    return enrolPage({ texts, subject, issuer, forms, passkeys, problem });
  }
}

/** The page of a link that leads to no enrolment, or to none any more. */
function unknown(request: Request, response: Response): void {
  const texts = textsOf(request);
  sendPage(response, 404, notice(texts.errors.noEnrolment), texts);
}

/** The page of a link of the first version. */
function gone(request: Request, response: Response): void {
  const texts = textsOf(request);
  sendPage(response, 410, notice(texts.errors.oldLink), texts);
}
