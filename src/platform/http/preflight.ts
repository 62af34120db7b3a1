import { applyDecorators, Header, Options } from '@nestjs/common';
import { ApiOperation, ApiParam } from './openapi-decorators.js';

/** The answer to a page that asks whether it may send `If-None-Match` (Fetch 4.8). */
const ANSWER = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, HEAD',
  // MCP clients say in a header which version of their protocol they speak.
  'Access-Control-Allow-Headers': 'If-None-Match, MCP-Protocol-Version',
  'Access-Control-Max-Age': '86400',
} as const;

/**
 * A handler of `OPTIONS` for pages of other origins, which ask so before they ask for a public document under a condition. All
 * of the answer is in its headers: the handler itself does nothing.
 *
 * @param paths where the document is
 * @param parameters the names of those in the paths, in their order
 */
export function Preflight(
  paths: string | readonly string[],
  ...parameters: readonly string[]
): MethodDecorator {
  return applyDecorators(
    Options(typeof paths === 'string' ? paths : [...paths]),
    ApiOperation({
      summary: 'Whether a page of another origin may ask under a condition (Fetch 4.8)',
    }),
    ...parameters.map((name) => ApiParam({ name, type: String })),
    ...Object.entries(ANSWER).map(([name, value]) => Header(name, value)),
  );
}
