import { Body, Controller, Header, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { TURN_DEADLINE_MS } from '../../platform/database/zone-turn.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { ApiOkResponse } from '../../platform/http/openapi-decorators.js';
import { PollBody } from './poll.body.js';
import { MAX_WAIT_MS, Poll, type Polled } from './poll.service.js';
import { ReceiverRoutes } from './receiver-routes.js';

/** Receivers fetch their events (RFC 8936). */
@Controller('zones/:zone/ssf/poll')
@ReceiverRoutes()
@AnswerWithin(TURN_DEADLINE_MS + MAX_WAIT_MS)
export class PollController {
  constructor(private readonly polls: Poll) {}

  /** Acknowledges events, and answers those that are there: at once, or as soon as there is one. */
  @Post(':stream')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @ApiOkResponse({ description: 'Security Event Tokens by their `jti`' })
  async poll(
    @Req() request: Request,
    @Param('stream') stream: string,
    @Res({ passthrough: true }) response: Response,
    @Body() body: PollBody = {},
  ): Promise<Polled> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    return this.polls.poll(request, stream, body, gone.signal);
  }
}
