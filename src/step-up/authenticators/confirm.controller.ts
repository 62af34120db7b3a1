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
  ENDS,
  NO_EVIDENCE,
  NO_LINK,
  problemOf,
  UNKNOWN,
  UNPROVEN,
  type End,
  type Problem,
} from './confirm-outcomes.js';
import { ConfirmPages } from './confirm-pages.service.js';
import { Confirmations, type Bringing } from './confirmations.service.js';
import type { Page } from './page.js';
import { PageErrors } from './page-errors.filter.js';
import { PAGE_FORM, readPageForm } from './page-form.js';
import { sendPage } from './page-answer.js';

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
    private readonly pages: ConfirmPages,
    endpoints: EndpointMetadata,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    endpoints.add({ membersOf: ({ languages }) => ({ ui_locales_supported: languages }) });
  }

  @Get()
  @Answers<string>('text/html')
  @ApiOperation({ summary: 'The page on which the subject confirms or refuses (HTML)' })
  async show(@Param('id') id: string, @Res() response: Response): Promise<void> {
    const challenge = await this.challenges.findAnywhere(id);
    if (challenge === null) return sendPage(response, 404, UNKNOWN);
    const end = this.endOf(challenge);
    if (end !== null) {
      return sendPage(response, end === 'not_here' ? 403 : 200, this.pageOf(challenge, end));
    }
    return sendPage(response, 200, this.pages.unshown(challenge, null));
  }

  @Post()
  @ApiResponse({ status: 409, description: 'It is decided' })
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
    const challenge = await this.challenges.findAnywhere(id);
    if (challenge === null) return sendPage(response, 404, UNKNOWN);
    const end = this.endOf(challenge);
    if (end !== null) return sendPage(response, ENDS[end][0], this.pageOf(challenge, end));
    const form = readConfirmForm(fields, challenge.terms);
    const bringing = { requestId: requestIdOf(request), source: sourceOf(request) };
    if (form.by === 'link') return this.byLink(challenge, form, bringing, response);
    if (form.by === 'proof') return this.byProof(challenge, form, bringing, response);
    return this.byEvidence(challenge, form, bringing, response);
  }

  /** The secret of the link shows the request. With evidence and a decision beside it, it is decided. */
  private async byLink(
    challenge: Challenge,
    { link, shown, decision, wish }: Extract<ConfirmForm, { by: 'link' }>,
    bringing: Bringing,
    response: Response,
  ): Promise<void> {
    if (link === null || !(await this.confirmations.isLinked(challenge, link))) {
      return this.unshown(response, challenge, NO_LINK);
    }
    const answer = async (problem: Problem | null) =>
      this.send(response, problem, await this.pages.linked(challenge, link, problem));
    if (wish === 'later') return sendPage(response, 200, await this.pages.later(challenge, link));
    if (wish === 'not_me') {
      return this.end(response, challenge, await this.confirmations.report(challenge, bringing));
    }
    if (shown === null && decision === null) return answer(null);
    if (shown === null || decision === null) return answer(NO_EVIDENCE);
    const outcome = await this.confirmations.decide(challenge, shown, decision, bringing);
    if (typeof outcome === 'string') {
      return this.end(response, challenge, outcome, shown.method.name);
    }
    return answer(problemOf(outcome, challenge.terms, shown.method));
  }

  /** A code or a passkey shows the request. What is decided beside it was not seen, and does not count. */
  private async byEvidence(
    challenge: Challenge,
    { shown }: Extract<ConfirmForm, { by: 'evidence' }>,
    bringing: Bringing,
    response: Response,
  ): Promise<void> {
    if (shown === null) return this.unshown(response, challenge, NO_EVIDENCE);
    const outcome = await this.confirmations.show(challenge, shown, bringing);
    if ('failure' in outcome) {
      return this.unshown(response, challenge, problemOf(outcome, challenge.terms, shown.method));
    }
    return sendPage(response, 200, await this.pages.proved(challenge, outcome.proof));
  }

  /** The decision of a person who was shown the request on a code or passkey. */
  private async byProof(
    challenge: Challenge,
    { proof, decision }: Extract<ConfirmForm, { by: 'proof' }>,
    bringing: Bringing,
    response: Response,
  ): Promise<void> {
    if (decision === null) return this.unshown(response, challenge, NO_EVIDENCE);
    const outcome = await this.confirmations.decideAfter(challenge, proof, decision, bringing);
    if (outcome === 'unproven') return this.unshown(response, challenge, UNPROVEN);
    return this.end(response, challenge, outcome.end, outcome.method);
  }

  private unshown(response: Response, challenge: Challenge, problem: Problem): void {
    this.send(response, problem, this.pages.unshown(challenge, problem));
  }

  private send(response: Response, problem: Problem | null, page: Page): void {
    if (problem?.retryAfter !== undefined) response.set('Retry-After', String(problem.retryAfter));
    sendPage(response, problem?.status ?? 200, page);
  }

  /**
   * What a person is told who has brought the link, or has shown a code or a passkey. It is decided by then: what else the page
   * would say is left out where it cannot be read.
   */
  private async end(
    response: Response,
    challenge: Challenge,
    outcome: End,
    method: string | null = null,
  ): Promise<void> {
    const now = (await this.challenges.findAnywhere(challenge.id).catch(unread)) ?? challenge;
    const page = this.pageOf(now, outcome);
    const signed = await this.pages.signed(challenge, page, method).catch(unread);
    return sendPage(response, ENDS[outcome][0], signed ?? page);
  }

  private pageOf(challenge: Challenge, end: End): Page {
    if (end !== 'decided') return ENDS[end][1];
    return decidedPage(challengeState(challenge, this.clock.now()));
  }

  /** The outcome that a challenge has already; `null` if the page can ask for a decision. */
  private endOf(challenge: Challenge): keyof typeof ENDS | null {
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
