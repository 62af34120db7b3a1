import { Controller, Get, NotFoundException, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { isUuid } from '../oauth/vocabulary.js';
import { KeySets } from './key-sets.service.js';
import { KEY_SET_MAX_AGE } from './key-schedule.js';

/** Publishes the zones' public keys (RFC 7517 5). */
@ApiTags('verifiers')
@Controller()
export class KeysController {
  constructor(private readonly keySets: KeySets) {}

  @Get('.well-known/jwks.json')
  @ApiOperation({ summary: "A zone's public keys (RFC 7517)" })
  @ApiQuery({ name: 'zone_id', format: 'uuid' })
  @ApiOkResponse({ description: 'The key set; cacheable for five minutes' })
  @ApiResponse({
    status: 304,
    description: 'The key set that If-None-Match names is still the one',
  })
  @ApiResponse({ status: 404, description: 'Unknown, malformed and missing zone alike' })
  async keySet(
    @Query('zone_id') zoneId: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const keySet =
      typeof zoneId === 'string' && isUuid(zoneId) ? await this.keySets.find(zoneId) : null;
    if (keySet === null) throw new NotFoundException('no such zone');
    response.set({
      'Cache-Control': `public, max-age=${KEY_SET_MAX_AGE}`,
      ETag: keySet.etag,
      'X-Content-Type-Options': 'nosniff',
    });
    if (names(request.headers['if-none-match'], keySet.etag)) response.status(304).end();
    else response.type('application/json').send(keySet.body);
  }
}

/**
 * Whether `If-None-Match` names a tag (RFC 9110 13.1.2), compared weakly. Express does not ask it
 * when `Cache-Control: no-cache` is sent along, as `fetch` does, though that speaks to caches only.
 */
function names(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
