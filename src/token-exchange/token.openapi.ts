import type { ApiBodyOptions } from '@nestjs/swagger';
import { MAX_DETAILS_TEXT } from '../oauth/authorization-details/detail.js';
import {
  ACCESS_TOKEN_TYPE,
  GRANT_TYPES,
  ID_TOKEN_TYPE,
  JWT_BEARER_ASSERTION,
  JWT_TOKEN_TYPE,
} from '../oauth/vocabulary.js';

type Schema = Extract<ApiBodyOptions, { schema: unknown }>['schema'];

const tokenType = { type: 'string', enum: [ACCESS_TOKEN_TYPE, JWT_TOKEN_TYPE] };

/** The parameters of the form, in the words of OpenAPI. Each that is read is here (`token.openapi.spec.ts`). */
export const TOKEN_PARAMETERS = {
  grant_type: { type: 'string', enum: [...GRANT_TYPES] },
  client_id: { type: 'string', format: 'uuid' },
  application_id: { type: 'string', format: 'uuid', description: 'Means the same as client_id' },
  client_secret: { type: 'string', format: 'password' },
  client_assertion: {
    type: 'string',
    format: 'password',
    description: 'Instead of a secret (RFC 7523 2.2); a JWT of the client, or of its issuer',
  },
  client_assertion_type: { type: 'string', enum: [JWT_BEARER_ASSERTION] },
  resource: {
    type: 'array',
    items: { type: 'string', format: 'uri' },
    maxItems: 20,
    description:
      'What the mandate is for. If absent: the default_resources of the client, else of the zone, else what the subject_token is for',
  },
  audience: {
    type: 'array',
    items: { type: 'string', format: 'uri' },
    description: 'Means the same as resource',
  },
  scope: { type: 'string', example: 'pipernet:read' },
  authorization_details: {
    type: 'string',
    maxLength: MAX_DETAILS_TEXT,
    description:
      'What exactly is asked for (RFC 9396): a JSON array of at most 10 objects, each of a `type` that a resource declares',
  },
  subject_token: { type: 'string', format: 'password' },
  subject_token_type: {
    type: 'string',
    enum: [...tokenType.enum, ID_TOKEN_TYPE],
    description:
      'jwt and id_token: also of an issuer that the zone trusts; at the endpoint of a zone its token can name the client',
  },
  actor_token: { type: 'string', format: 'password' },
  // Said in words: clients would send a default, and without actor_token it is refused.
  actor_token_type: { ...tokenType, description: 'An access token if not given' },
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
  challenge_id: { type: 'string', format: 'uuid', description: 'The challenge that is redeemed' },
  challenge_response: {
    type: 'string',
    format: 'password',
    description: 'The secret that came with the challenge',
  },
  acr_values: {
    type: 'string',
    description: 'How the subject must have been authenticated, separated by spaces (RFC 9470 4)',
  },
  max_age: { type: 'integer', minimum: 0, description: 'Seconds since when (RFC 9470 4)' },
  runtime_credential_injection: {
    type: 'string',
    enum: ['false'],
    description: 'Is not supported yet: anything but false is refused',
  },
  request_method: { type: 'string', description: 'Of a gateway: what it is about to do upstream' },
  request_path: { type: 'string', description: 'Of a gateway: where, without query' },
} satisfies Record<string, Schema>;

/** The form, for the OpenAPI document. The form itself is read by `parse`. */
export const tokenRequestSchema: Schema = {
  type: 'object',
  required: ['grant_type'],
  properties: TOKEN_PARAMETERS,
};
