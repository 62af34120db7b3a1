import { Controller, HttpCode, NotFoundException, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { isUuid } from '../../oauth/vocabulary.js';
import { TURN_DEADLINE_MS } from '../../platform/database/zone-turn.js';
import { readBody } from '../../platform/http/body.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import {
  Answers,
  ApiBody,
  ApiConsumes,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { sourceOf } from '../../platform/http/source-address.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import { RefusedSet } from './received-set.js';
import { MAX_SET_BYTES, SetReceiver } from './set-receiver.service.js';

const SET_TYPE = /^application\/secevent\+jwt *(?:;|$)/i;

/** Why a token was not accepted, in the words of OpenAPI. */
const SET_REFUSAL = {
  type: 'object' as const,
  required: ['err', 'description'],
  properties: { err: { type: 'string' as const }, description: { type: 'string' as const } },
};

/** Trusted issuers push their shared signals (RFC 8935). */
@ApiTags('shared signals')
@Controller('zones/:zone/ssf/receive')
export class SetReceiverController {
  constructor(
    private readonly snapshots: Snapshots,
    private readonly receiver: SetReceiver,
  ) {}

  @Post()
  @HttpCode(202)
  @AnswerWithin(TURN_DEADLINE_MS)
  @ApiOperation({ summary: 'Receives a Security Event Token of a trusted issuer (RFC 8935)' })
  @ApiConsumes('application/secevent+jwt')
  @ApiParam({ name: 'zone', format: 'uuid' })
  @ApiResponse({ status: 202, description: 'It counts from now on, or has before' })
  @ApiBody({ schema: { type: 'string', description: 'The token, signed by its issuer' } })
  @ApiResponse({
    status: 400,
    description: 'It is not accepted, for the reason in `err` (RFC 8935 2.4)',
    content: { 'application/json': { schema: SET_REFUSAL } },
  })
  @Answers<void>()
  @ApiResponse({ status: 429, description: 'Too many from there were not accepted' })
  async receive(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object | undefined> {
    response.set('Cache-Control', 'no-store');
    const zone = isUuid(zoneId) ? await this.snapshots.find(zoneId) : null;
    if (zone === null) throw new NotFoundException('no such zone');
    try {
      if (!SET_TYPE.test(request.headers['content-type'] ?? '')) {
        throw new RefusedSet('invalid_request', 'the body must be application/secevent+jwt');
      }
      const set = (await readBody(request, MAX_SET_BYTES)).toString('latin1').trim();
      const [source, requestId] = [sourceOf(request), requestIdOf(request)];
      await this.receiver.receive(zone, { set, source, requestId });
      return undefined;
    } catch (error) {
      if (!(error instanceof RefusedSet)) throw error;
      response.status(400).set('Content-Language', 'en');
      return { err: error.err, description: error.message };
    }
  }
}
