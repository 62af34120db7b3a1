import { applyDecorators, HttpCode } from '@nestjs/common';
import type { ApiBodyOptions } from '@nestjs/swagger';
import { JWT_BEARER_ASSERTION } from '../../oauth/vocabulary.js';
import {
  ApiBasicAuth,
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import { MAX_BATCH } from './introspection-request.js';
import { INTROSPECTION_JWT } from './introspection-jwt.js';

type Schema = Extract<ApiBodyOptions, { schema: unknown }>['schema'];

const text = { type: 'string' } as const;
const id = { type: 'string', format: 'uuid' } as const;
const secret = { type: 'string', format: 'password' } as const;

const credentials = {
  client_id: id,
  client_secret: secret,
  client_assertion: secret,
  client_assertion_type: { type: 'string', enum: [JWT_BEARER_ASSERTION] },
};

const requestSchema: Schema = {
  oneOf: [
    {
      type: 'object',
      required: ['token'],
      properties: { token: secret, token_type_hint: text, ...credentials },
    },
    {
      type: 'object',
      required: ['tokens'],
      properties: {
        tokens: { type: 'array', items: secret, minItems: 1, maxItems: MAX_BATCH },
        ...credentials,
      },
    },
  ],
};

/** What the handlers of both introspection endpoints have in common: the status, and what the document says. */
export const IntrospectionEndpoint = (summary: string): MethodDecorator =>
  applyDecorators(
    HttpCode(200),
    ApiTags('clients'),
    ApiOperation({ summary }),
    ApiBasicAuth('client'),
    ApiBearerAuth('mandate'),
    ApiConsumes('application/x-www-form-urlencoded', 'application/json'),
    ApiBody({ schema: requestSchema }),
    ApiOkResponse({
      description: 'Of a list of tokens: results, in its order',
      content: { [INTROSPECTION_JWT]: { schema: text } },
    }),
    ApiResponse({ status: 400, description: 'The request is malformed' }),
    ApiResponse({ status: 401, description: 'Client authentication failed' }),
    ApiResponse({ status: 429, description: 'Too many requests, or too many failed attempts' }),
    ApiResponse({ status: 503, description: 'Not now; see Retry-After' }),
  );
