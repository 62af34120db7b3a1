import {
  Controller,
  Get,
  HttpCode,
  Inject,
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
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import type { Request, Response } from 'express';
import { TURN_DEADLINE_MS } from '../../platform/database/zone-turn.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { challengeState } from '../challenge.js';
import type { Challenge } from '../challenge.entity.js';
import { Challenges } from '../challenges.service.js';
import { sourceOf } from '../../platform/http/source-address.js';
import { confirmationMethodsFor } from '../decision-methods.js';
import { CONFIRM_FIELDS, readConfirmForm, type ConfirmForm } from './confirm-form.js';
import {
  decidedPage,
  END_STATUS,
  endPage,
  NO_EVIDENCE,
  NO_LINK,
  problemOf,
  UNPROVEN,
  type End,
  type Problem,
} from './confirm-outcomes.js';
import { ConfirmPages } from './confirm-pages.service.js';
import { ConfirmLinks } from './confirm-links.service.js';
import type { ConfirmRequest } from './confirm-request.js';
import { Confirmations } from './confirmations.service.js';
import { notice, type Page } from './page.js';
import { PageErrors } from './page-errors.filter.js';
import { PAGE_FORM, readPageForm } from './page-form.js';
import { sendPage } from './page-answer.js';
import { RECEIPT, receiptLaterPage } from './receipt-form.js';
import { PageTexts, textsOf } from './page-texts.service.js';
import type { Texts } from './texts/en.js';

/** Ends that are what the subject has decided just now. */
const OF_SUBJECT: ReadonlySet<End> = new Set(['approved', 'rejected', 'pending']);

/** A visit to the page of a challenge. */
interface Visit {
  readonly challenge: Challenge;
  readonly response: Response;
  readonly texts: Texts;
}

/**
 * The page on which the subject of a challenge confirms or refuses it. What is asked for is shown to a person who
 * brings the secret of the link that the held answer has, or a code or passkey of the subject; then it is decided
 * on. Works without scripts.
 */
@ApiTags('step-up')
@Controller('step-up/:id/confirm')
@ApiResponse({ status: 403, description: 'It is confirmed by others' })
@UseFilters(PageErrors)
export class ConfirmController {
  constructor(
    private readonly challenges: Challenges,
    private readonly confirmations: Confirmations,
    private readonly links: ConfirmLinks,
    private readonly pages: ConfirmPages,
    private readonly texts: PageTexts,
    endpoints: EndpointMetadata,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {
    endpoints.add({ membersOf: ({ languages }) => ({ ui_locales_supported: languages }) });
  }

  @Get()
  @Answers<string>('text/html')
  @ApiOperation({ summary: 'The page on which the subject confirms or refuses (HTML)' })
  async show(
    @Param('id') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const visit = await this.visit(id, request, response);
    if (visit === null) return;
    const { challenge, texts } = visit;
    const end = this.endOf(challenge);
    if (end === null)
      return sendPage(response, 200, this.pages.unshown(challenge, null, texts), texts);
    sendPage(response, end === 'not_here' ? 403 : 200, this.pageOf(visit, end), texts);
  }

  @Post()
  @ApiResponse({ status: 409, description: 'It is decided; or its receipt is not there yet' })
  @ApiResponse({ status: 410, description: 'It has expired' })
  @HttpCode(200)
  @Answers<string>('text/html')
  @AnswerWithin(TURN_DEADLINE_MS)
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({ schema: PAGE_FORM })
  @ApiOperation({
    summary:
      'What the page sends: its link, a code or a passkey, to see the request; then the decision',
  })
  async decide(
    @Param('id') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const fields = await readPageForm(request, CONFIRM_FIELDS);
    const visit = await this.visit(id, request, response);
    if (visit === null) return;
    const { challenge, texts } = visit;
    const form = readConfirmForm(fields, challenge.terms);
    const isLinked = form.by === 'link' && form.link !== null;
    if (isLinked && form.wish === RECEIPT && (await this.sendReceipt(visit, form.link))) return;
    const end = this.endOf(challenge);
    if (end !== null) return sendPage(response, END_STATUS[end], this.pageOf(visit, end), texts);
    const asked = { requestId: requestIdOf(request), source: sourceOf(request) };
    if (form.by === 'link') return this.byLink(visit, form, asked);
    if (form.by === 'proof') return this.byProof(visit, form, asked);
    return this.byEvidence(visit, form, asked);
  }

  /** Opens the page of a challenge. @returns `null` if there is none, which is answered then */
  private async visit(id: string, request: Request, response: Response): Promise<Visit | null> {
    const challenge = await this.challenges.findAnywhere(id);
    if (challenge === null) {
      const texts = textsOf(request);
      sendPage(response, 404, notice(texts.errors.noRequest), texts);
      return null;
    }
    return { challenge, response, texts: await this.texts.ofZone(request, challenge.zoneId) };
  }

  /** The secret of the link shows the request. With evidence and a decision beside it, it is decided. */
  private async byLink(
    visit: Visit,
    { link, shown, decision, wish }: Extract<ConfirmForm, { by: 'link' }>,
    asked: ConfirmRequest,
  ): Promise<void> {
    const { challenge, response, texts } = visit;
    if (link === null || !(await this.links.isLinked(challenge, link))) {
      return this.unshown(visit, NO_LINK);
    }
    const answer = async (problem: Problem | null) =>
      this.send(visit, problem, await this.pages.linked(challenge, link, problem, texts));
    if (wish === 'later') {
      return sendPage(response, 200, await this.pages.later(challenge, link, texts), texts);
    }
    if (wish === 'not_me') {
      return this.end(visit, await this.links.report(challenge, asked));
    }
    if (shown === null && decision === null) return answer(null);
    if (shown === null || decision === null) return answer(NO_EVIDENCE);
    const outcome = await this.confirmations.decide(challenge, shown, decision, asked);
    if (typeof outcome === 'string') return this.end(visit, outcome, shown.method.name, link);
    return answer(problemOf(outcome, challenge.terms, shown.method));
  }

  /** A code or a passkey shows the request. What is decided beside it was not seen, and does not count. */
  private async byEvidence(
    visit: Visit,
    { shown }: Extract<ConfirmForm, { by: 'evidence' }>,
    asked: ConfirmRequest,
  ): Promise<void> {
    const { challenge, response, texts } = visit;
    if (shown === null) return this.unshown(visit, NO_EVIDENCE);
    const outcome = await this.confirmations.show(challenge, shown, asked);
    if ('failure' in outcome) {
      return this.unshown(visit, problemOf(outcome, challenge.terms, shown.method));
    }
    return sendPage(response, 200, await this.pages.proved(challenge, outcome.proof, texts), texts);
  }

  /** The decision of a person who was shown the request on a code or passkey. */
  private async byProof(
    visit: Visit,
    { proof, decision }: Extract<ConfirmForm, { by: 'proof' }>,
    asked: ConfirmRequest,
  ): Promise<void> {
    if (decision === null) return this.unshown(visit, NO_EVIDENCE);
    const { challenge } = visit;
    const outcome = await this.confirmations.decideAfter(challenge, proof, decision, asked);
    if (outcome === 'unproven') return this.unshown(visit, UNPROVEN);
    return this.end(visit, outcome.end, outcome.method);
  }

  /** Sends the receipt of what the subject has decided, to who brings the link. @returns `false` if it is none */
  private async sendReceipt({ challenge, response, texts }: Visit, link: string): Promise<boolean> {
    if (!(await this.links.isLinked(challenge, link))) return false;
    const found = await this.links.receipt(challenge);
    if (typeof found === 'string') {
      response.set('Retry-After', String(this.env.checkpointSeconds));
      sendPage(response, 409, receiptLaterPage(link, texts), texts);
      return true;
    }
    const name = `attachment; filename="receipt-${challenge.id}.json"`;
    response.set({ 'Cache-Control': 'no-store', 'Content-Disposition': name }).json(found);
    return true;
  }

  private unshown(visit: Visit, problem: Problem): void {
    this.send(visit, problem, this.pages.unshown(visit.challenge, problem, visit.texts));
  }

  private send({ response, texts }: Visit, problem: Problem | null, page: Page): void {
    if (problem?.retryAfter !== undefined) response.set('Retry-After', String(problem.retryAfter));
    sendPage(response, problem?.status ?? 200, page, texts);
  }

  /**
   * What a person is told who has brought the link, or has shown a code or a passkey. It is decided by then: what else the page
   * would say is left out where it cannot be read.
   */
  private async end(
    visit: Visit,
    outcome: End,
    method: string | null = null,
    link: string | null = null,
  ): Promise<void> {
    const { challenge, response, texts } = visit;
    const now = (await this.challenges.findAnywhere(challenge.id).catch(unread)) ?? challenge;
    const page = this.pageOf({ ...visit, challenge: now }, outcome);
    const kept = OF_SUBJECT.has(outcome) ? link : null;
    const signed = await this.pages.signed(challenge, page, method, kept, texts).catch(unread);
    return sendPage(response, END_STATUS[outcome], signed ?? page, texts);
  }

  private pageOf({ challenge, texts }: Visit, end: End): Page {
    if (end !== 'decided') return endPage(end, texts);
    return decidedPage(challengeState(challenge, this.clock.now()), texts);
  }

  /** The outcome that a challenge has already; `null` if the page can ask for a decision. */
  private endOf(challenge: Challenge): End | null {
    const state = challengeState(challenge, this.clock.now());
    if (state === 'expired') return 'expired';
    if (state !== 'pending') return 'decided';
    return confirmationMethodsFor(challenge.terms).length > 0 ? null : 'not_here';
  }
}

/** For what is left out where it cannot be read. */
function unread(): null {
  return null;
}
