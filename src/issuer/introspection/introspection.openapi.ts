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
const texts = { type: 'array', items: text } as const;
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

const answerSchema: Schema = {
  type: 'object',
  required: ['active'],
  properties: {
    active: { type: 'boolean', description: 'false: nothing else is there' },
    iss: text,
    sub: text,
    sub_iss: text,
    sub_type: { type: 'string', enum: ['user', 'application'] },
    aud: { oneOf: [text, texts] },
    client_id: id,
    scope: text,
    exp: { type: 'integer' },
    iat: { type: 'integer' },
    jti: id,
    token_type: { type: 'string', enum: ['Bearer', 'DPoP'] },
    zone_id: id,
    use: { type: 'string', enum: ['session', 'resource'] },
    sid: id,
    root_sid: id,
    target: texts,
    act: { type: 'object', description: 'Who acts, and inside it for whom (RFC 8693 4.1)' },
    may_act: { type: 'object' },
    acr: text,
    amr: texts,
    auth_time: { type: 'integer' },
    cnf: { type: 'object' },
    agent_session_id: id,
    delegation_edge_id: id,
    delegation_chain: { type: 'array', items: { type: 'object' } },
    authorization_details: { type: 'array', items: { type: 'object' } },
    revocation: { type: 'string', enum: ['introspect', 'status_list', 'feed', 'expiry'] },
  },
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
      content: {
        'application/json': {
          schema: {
            oneOf: [
              answerSchema,
              {
                type: 'object',
                required: ['results'],
                properties: { results: { type: 'array', items: answerSchema } },
              },
            ],
          },
        },
        [INTROSPECTION_JWT]: { schema: text },
      },
    }),
    ApiResponse({ status: 400, description: 'The request is malformed' }),
    ApiResponse({ status: 401, description: 'Client authentication failed' }),
    ApiResponse({ status: 429, description: 'Too many requests, or too many failed attempts' }),
    ApiResponse({ status: 503, description: 'Not now; see Retry-After' }),
  );
