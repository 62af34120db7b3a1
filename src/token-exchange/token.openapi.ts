import type { ApiBodyOptions } from '@nestjs/swagger';
import {
  ACCESS_TOKEN_TYPE,
  CLIENT_CREDENTIALS,
  ID_TOKEN_TYPE,
  JWT_BEARER_ASSERTION,
  JWT_TOKEN_TYPE,
  TOKEN_EXCHANGE,
} from '../oauth/vocabulary.js';

type Schema = Extract<ApiBodyOptions, { schema: unknown }>['schema'];

const tokenType = { type: 'string', enum: [ACCESS_TOKEN_TYPE, JWT_TOKEN_TYPE] };

/** The form, for the OpenAPI document. The form itself is read by `parse`. */
export const tokenRequestSchema: Schema = {
  type: 'object',
  required: ['grant_type', 'resource'],
  properties: {
    grant_type: { type: 'string', enum: [TOKEN_EXCHANGE, CLIENT_CREDENTIALS] },
    client_id: { type: 'string', format: 'uuid' },
    application_id: { type: 'string', format: 'uuid', description: 'Means the same as client_id' },
    client_secret: { type: 'string', format: 'password' },
    client_assertion: {
      type: 'string',
      format: 'password',
      description: 'Instead of a secret (RFC 7523 2.2); a JWT of the client, or of its issuer',
    },
    client_assertion_type: { type: 'string', enum: [JWT_BEARER_ASSERTION] },
    resource: { type: 'array', items: { type: 'string', format: 'uri' }, maxItems: 20 },
    audience: {
      type: 'array',
      items: { type: 'string', format: 'uri' },
      description: 'Means the same as resource',
    },
    scope: { type: 'string', example: 'pipernet:read' },
    subject_token: { type: 'string', format: 'password' },
    subject_token_type: {
      type: 'string',
      enum: [...tokenType.enum, ID_TOKEN_TYPE],
      description: 'jwt and id_token: also of an issuer that the zone trusts',
    },
    actor_token: { type: 'string', format: 'password' },
    actor_token_type: tokenType,
    requested_token_type: tokenType,
    zone_id: { type: 'string', format: 'uuid' },
    session_id: { type: 'string', format: 'uuid' },
    agent_session_id: {
      type: 'string',
      format: 'uuid',
      description: 'The agent session that acts',
    },
    delegation_edge_id: {
      type: 'string',
      format: 'uuid',
      description: 'The delegation that it acts on; needs agent_session_id',
    },
    ttl_seconds: { type: 'integer', minimum: 1, maximum: 3600 },
    challenge_id: {
      type: 'string',
      format: 'uuid',
      description: 'The challenge that was satisfied for this request; with challenge_response',
    },
    challenge_response: {
      type: 'string',
      format: 'password',
      description: 'The challenge_secret that the held answer had',
    },
    acr_values: {
      type: 'string',
      description: 'How the subject must have been authenticated, any of these (RFC 9470 4)',
      example: 'mfa',
    },
    request_method: {
      type: 'string',
      description: 'Of a gateway: the HTTP method that it is asked for; with request_path',
      example: 'GET',
    },
    request_path: {
      type: 'string',
      description: 'Of a gateway: the path that it is asked for, without a query',
      example: '/orders/7',
    },
    max_age: {
      type: 'integer',
      minimum: 0,
      description: 'Seconds since when it must have been (RFC 9470 4)',
    },
  },
};

/** The answer, for the OpenAPI document. */
export const tokenResponseSchema: Schema = {
  type: 'object',
  required: [
    'access_token',
    'issued_token_type',
    'token_type',
    'expires_in',
    'scope',
    'target_resources',
  ],
  properties: {
    access_token: { type: 'string' },
    issued_token_type: tokenType,
    token_type: { type: 'string', enum: ['Bearer'] },
    expires_in: { type: 'integer', description: 'Seconds' },
    scope: { type: 'string' },
    target_resources: { type: 'array', items: { type: 'string', format: 'uri' } },
  },
};
