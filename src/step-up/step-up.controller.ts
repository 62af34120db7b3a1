import {
  Controller,
  Get,
  Header,
  Inject,
  NotFoundException,
  Param,
  Req,
  Res,
} from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiTags,
} from '../platform/http/openapi-decorators.js';
import type { Request, Response } from 'express';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { AnswerWithin } from '../platform/http/deadline.interceptor.js';
import { OAuthError } from '../oauth/errors.js';
import { challengeState } from './challenge.js';
import { ChallengeWaits } from './challenge-waits.service.js';

/** The longest wait, in seconds. */
const MAX_WAIT = 25;

/** Tells how it is with a challenge. */
@ApiTags('step-up')
@Controller('step-up')
export class StepUpController {
  constructor(
    private readonly waits: ChallengeWaits,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get(':id')
  @Header('Cache-Control', 'no-store')
  @AnswerWithin((request, usualMs) => usualMs + (readWait(request) ?? 0) * 1_000)
  @ApiOperation({
    summary: 'The status of a challenge, at once or as soon as it is not pending any more',
  })
  @ApiQuery({
    name: 'wait',
    required: false,
    schema: { type: 'integer', minimum: 0, maximum: MAX_WAIT },
    description: 'Seconds to wait at most',
  })
  @ApiOkResponse({ description: 'The status' })
  @ApiResponse({ status: 404, description: 'Unknown and malformed ids alike' })
  async status(
    @Param('id') id: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const wait = readWait(request);
    if (wait === null) {
      throw new OAuthError('invalid_request', `wait is no whole number from 0 to ${MAX_WAIT}`);
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const challenge = await this.waits.find(id, wait * 1_000, gone.signal);
    if (challenge === null) throw new NotFoundException('no such challenge');
    const state = challengeState(challenge, this.clock.now());
    return {
      id: challenge.id,
      challenge_type: challenge.type,
      state,
      satisfied: state === 'approved' || state === 'consumed',
      consumed: state === 'consumed',
      expires_at: challenge.expiresAt,
    };
  }
}

/** @returns seconds; `null` for anything that is not up to {@link MAX_WAIT} */
function readWait(request: Request): number | null {
  const { wait = '0' } = request.query;
  if (typeof wait !== 'string' || !/^(0|[1-9][0-9]?)$/.test(wait)) return null;
  return Number(wait) <= MAX_WAIT ? Number(wait) : null;
}
