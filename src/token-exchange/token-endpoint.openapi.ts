import { applyDecorators, HttpCode } from '@nestjs/common';
import {
  ApiBasicAuth,
  ApiBody,
  ApiConsumes,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../platform/http/openapi-decorators.js';
import { tokenRequestSchema } from './token.openapi.js';

/** What the handlers of all token endpoints have in common: the status of what is granted, and what the document says. */
export const TokenEndpoint = (summary: string): MethodDecorator =>
  applyDecorators(
    HttpCode(200),
    ApiTags('clients'),
    ApiOperation({ summary }),
    ApiBasicAuth('client'),
    ApiConsumes('application/x-www-form-urlencoded'),
    ApiBody({ schema: tokenRequestSchema }),
    ApiOkResponse({ description: 'The mandate' }),
    ApiResponse({
      status: 400,
      description: 'The request, a token, the target or the scope is not usable',
    }),
    ApiResponse({
      status: 401,
      description:
        'Client authentication failed, or a person has to confirm (interaction_required)',
      content: {
        'application/json': {
          schema: {
            anyOf: ['InteractionRequired', 'Error'].map((name) => ({
              $ref: `#/components/schemas/${name}`,
            })),
          },
        },
      },
    }),
    ApiResponse({ status: 403, description: 'Policy denies' }),
    ApiResponse({ status: 429, description: 'Too many failed attempts' }),
    ApiResponse({ status: 503, description: 'Not now; see Retry-After' }),
  );

/** The headers of an answer with a token (RFC 6749 5.1). */
export const NOT_STORED = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const;
