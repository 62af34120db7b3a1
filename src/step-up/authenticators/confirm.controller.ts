import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { challengeState } from '../challenge.js';
import type { Challenge } from '../challenge.entity.js';
import { Challenges } from '../challenges.service.js';
import { confirmPage } from './confirm-page.js';
import { CONFIRMATION_METHODS } from '../decision-methods.js';
import { Confirmations, type Confirmation, type SubjectDecision } from './confirmations.service.js';
import { notice, type Page } from './page.js';
import { readPageForm } from './page-form.js';
import { sendPage } from './page-answer.js';

const UNKNOWN = notice(
  'Nothing here',
  'This link leads to no request. It may be misspelt, or too old.',
);
const ELSEWHERE = notice('Somebody else decides', 'This request is not confirmed here.');

/** The page and status for each outcome after which nothing is left to decide here. */
const ENDS: Readonly<Record<Exclude<Confirmation, 'wrong' | 'too_many'>, readonly [number, Page]>> =
  {
    approved: [
      200,
      notice('Confirmed', 'The application can go on now. You can close this page.', 'good'),
    ],
    rejected: [200, notice('Refused', 'The application gets nothing. You can close this page.')],
    pending: [
      200,
      notice('Thank you', 'Others have to confirm it, too. You can close this page.', 'good'),
    ],
    decided: [409, notice('Already decided', 'This request has been confirmed or refused before.')],
    expired: [
      410,
      notice('Too late', 'This request has expired. The application has to ask again.'),
    ],
    not_here: [403, ELSEWHERE],
  };

const PROBLEMS = {
  wrong: [400, 'That was not right. Wait for the next code if this one was used before.'],
  too_many: [429, 'There were too many wrong codes. Wait a minute, or use a passkey.'],
  nothing: [400, 'Enter the code, and choose whether to confirm or to refuse.'],
} as const;

/** The fields that the page sends. */
const FIELDS = ['decision', ...CONFIRMATION_METHODS.map(({ confirmField }) => confirmField)];

/** The page on which the subject of a challenge confirms or refuses it. Works without scripts. */
@ApiTags('step-up')
@Controller('step-up/:id/confirm')
export class ConfirmController {
  constructor(
    private readonly challenges: Challenges,
    private readonly confirmations: Confirmations,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The page on which the subject confirms or refuses (HTML)' })
  async show(@Param('id') id: string, @Res() response: Response): Promise<void> {
    const challenge = await this.challenges.findAnywhere(id);
    if (challenge === null) return sendPage(response, 404, UNKNOWN);
    const end = this.endOf(challenge);
    if (end !== null) return sendPage(response, end === 'not_here' ? 403 : 200, ENDS[end][1]);
    return sendPage(response, 200, await this.page(challenge, null));
  }

  @Post()
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiOperation({ summary: 'What the page sends: a code or a passkey, and the decision' })
  async decide(
    @Param('id') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const form = await readPageForm(request, FIELDS);
    const challenge = await this.challenges.findAnywhere(id);
    if (challenge === null) return sendPage(response, 404, UNKNOWN);
    const end = this.endOf(challenge);
    if (end !== null) return sendPage(response, ...ENDS[end]);
    const decision = decisionIn(form);
    const outcome =
      decision === null
        ? 'nothing'
        : await this.confirmations.decide(challenge, decision, {
            requestId: requestIdOf(request),
            source: request.ip ?? '',
          });
    if (outcome !== 'wrong' && outcome !== 'too_many' && outcome !== 'nothing') {
      return sendPage(response, ...ENDS[outcome]);
    }
    const [status, text] = PROBLEMS[outcome];
    if (outcome === 'too_many') response.set('Retry-After', '60');
    return sendPage(response, status, await this.page(challenge, text));
  }

  /** The outcome that a challenge has already; `null` if the page can ask for a decision. */
  private endOf(challenge: Challenge): keyof typeof ENDS | null {
    const state = challengeState(challenge, this.clock.now());
    if (state === 'expired') return 'expired';
    if (state !== 'pending') return 'decided';
    const here = challenge.terms.subject_may_satisfy && methodsOf(challenge).length > 0;
    return here ? null : 'not_here';
  }

  private async page(challenge: Challenge, problem: string | null): Promise<Page> {
    const left = challenge.expiresAt.getTime() - this.clock.now();
    const about = { challenge, env: this.env, failed: problem !== null };
    const methods = methodsOf(challenge);
    return confirmPage({
      request: challenge.request,
      names: await this.challenges.clientNames(challenge),
      forms: methods.map((method, i) => method.confirmForm({ ...about, alternative: i > 0 })),
      passkeys: methods.some(({ scripted }) => scripted),
      problem,
      minutesLeft: Math.max(1, Math.ceil(left / 60_000)),
    });
  }
}

/** The confirmation methods that satisfy a challenge. */
function methodsOf({ terms }: Challenge) {
  return CONFIRMATION_METHODS.filter(({ name }) => terms.satisfied_by.includes(name));
}

/** The decision that a form has, and the evidence for it; `null` if one of them is missing. */
function decisionIn(form: Partial<Record<string, string>>): SubjectDecision | null {
  const { decision } = form;
  if (decision !== 'approved' && decision !== 'rejected') return null;
  for (const method of CONFIRMATION_METHODS.toReversed()) {
    const evidence = form[method.confirmField];
    if (evidence !== undefined) return { method, evidence, decision };
  }
  return null;
}
