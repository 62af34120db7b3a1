import { applyDecorators } from '@nestjs/common';
import type { Response } from 'express';
import { ApiOkResponse } from '../../platform/http/openapi-decorators.js';
import { parseTilePath, type AskedTile } from '../../transparency-log/tile-path.js';
import { found } from '../find-row.js';

const YEAR_SECONDS = 31_536_000;

/** What a checkpoint is, for the OpenAPI document. */
export function AnswersText(description: string): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({ description, content: { 'text/plain': { schema: { type: 'string' } } } }),
  );
}

/** What a tile is, for the OpenAPI document. */
export function AnswersTile(): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({
      description: 'Hashes of 32 bytes, one behind the other (C2SP tlog-tiles)',
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    }),
  );
}

/** Sends a checkpoint, which is another one a minute later. @throws {NotFoundException} if there is none yet */
export function sendCheckpoint(response: Response, text: string | null): void {
  const body = found(text, 'checkpoint yet');
  response
    .set({
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
    .send(body);
}

/** Sends a tile, which never changes: whoever may read it may keep it. @throws {NotFoundException} if there is none (yet) */
export function sendTile(response: Response, hashes: Buffer | null): void {
  const body = found(hashes, 'tile in a signed checkpoint');
  response
    .set({
      'Content-Type': 'application/octet-stream',
      'Cache-Control': `private, max-age=${YEAR_SECONDS}, immutable`,
      'X-Content-Type-Options': 'nosniff',
    })
    .send(body);
}

/**
 * The tile that a path asks for.
 *
 * @param index the segments behind the level
 * @throws {NotFoundException} if it is none, or is spelt otherwise
 */
export function askedTile(level: string, index: readonly string[]): AskedTile {
  return found(parseTilePath(`tile/${level}/${index.join('/')}`), 'tile');
}
