import { ERROR_EXAMPLE, PROBLEM_EXAMPLE } from './openapi-examples/refusal-examples.js';
import type { Schema } from './openapi-schemas.js';

const ERRORS: Schema = {
  type: 'array',
  description: 'What is wrong in particular, where that can be told.',
  items: {
    anyOf: [
      { $ref: '#/components/schemas/FieldError' },
      { $ref: '#/components/schemas/PolicyFault' },
    ],
  },
};

const DONE: Schema = {
  type: 'object',
  description: 'What was carried out, if its answer was not kept for its Idempotency-Key.',
  required: ['request_id'],
  properties: { request_id: { type: 'string', format: 'uuid' } },
};

const APPROVAL: Schema = {
  type: 'object',
  description: 'What a second operator has to approve (428).',
  required: ['id', 'url', 'what', 'state', 'expires_at'],
  properties: {
    id: { type: 'string', format: 'uuid' },
    url: { type: 'string', description: 'Where it is shown, and below which it is decided.' },
    what: { type: 'string', description: 'What is asked for, in words.' },
    state: { type: 'string', enum: ['open', 'approved'] },
    expires_at: { type: 'string', format: 'date-time' },
  },
};

/** The members that any refusal may have beside what it always says. */
const BESIDE = { errors: ERRORS, done: DONE, approval: APPROVAL };

/** The members of problem details that both kinds of them have, but for `type`. */
const PROBLEM = {
  title: { type: 'string' },
  status: { type: 'integer' },
  detail: { type: 'string' },
  instance: { type: 'string', format: 'uri' },
  error: { type: 'string' },
  requestId: { type: 'string', format: 'uuid' },
  ...BESIDE,
} satisfies Readonly<Record<string, Schema>>;

/** What every problem has (RFC 9457 3). */
const REQUIRED_OF_PROBLEM = ['type', 'title', 'status', 'detail', 'instance', 'error', 'requestId'];

/** The schemas of error responses. */
export const REFUSAL_SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: {
    type: 'object',
    description: 'Every error response but that of `/ready` (RFC 6749 5.2).',
    required: ['error', 'error_description', 'requestId'],
    properties: {
      error: { type: 'string', description: 'Stays the same.', examples: ['invalid_request'] },
      error_description: { type: 'string', description: 'For people.' },
      requestId: {
        type: 'string',
        format: 'uuid',
        description: 'Of this request alone; in `Mandate-Request-Id`, the log and the audit event.',
      },
      ...BESIDE,
    },
    examples: [ERROR_EXAMPLE],
  },
  InteractionRequired: {
    type: 'object',
    description: 'The refusal of a token request that has to be confirmed: its challenge.',
    required: [
      'error',
      'error_description',
      'requestId',
      'challenge_id',
      'challenge_type',
      'challenge_secret',
      'challenge_expires_at',
    ],
    properties: {
      error: { type: 'string', enum: ['interaction_required'] },
      error_description: { type: 'string' },
      requestId: { type: 'string', format: 'uuid' },
      challenge_id: { type: 'string', description: 'What to send with the same request.' },
      challenge_type: { type: 'string' },
      challenge_secret: {
        type: 'string',
        description: 'Its `challenge_response`; told this once.',
      },
      challenge_expires_at: { type: 'string', format: 'date-time' },
      acr_values: { type: 'string', description: 'What a confirmation amounts to (RFC 9470 3).' },
      confirm_uri: { type: 'string', format: 'uri', description: 'Where the subject confirms.' },
    },
  },
  FieldError: {
    type: 'object',
    description: 'What is wrong with one member of a request.',
    required: ['field', 'message', 'code'],
    properties: {
      field: {
        type: 'string',
        description: 'The path of a member of the body, or the name of a parameter.',
        examples: ['clients[0].name'],
      },
      message: { type: 'string', description: 'For people.' },
      code: { type: 'string', description: 'For programs.', examples: ['taken'] },
    },
  },
  PolicyFault: {
    type: 'object',
    description: 'What is wrong with a policy, and where.',
    required: ['policy', 'message'],
    properties: {
      policy: { type: 'string' },
      module: { type: 'string' },
      message: { type: 'string' },
      line: { type: 'integer' },
      column: { type: 'integer' },
      help: { type: 'string', description: 'What to do about it.' },
    },
  },
  Problem: {
    type: 'object',
    description: 'The same as problem details (RFC 9457 3), for who prefers that by `Accept`.',
    required: REQUIRED_OF_PROBLEM,
    properties: {
      type: { type: 'string', format: 'uri', examples: ['urn:mandate:problem:conflict'] },
      ...PROBLEM,
    },
    examples: [PROBLEM_EXAMPLE],
  },
  ManagementProblem: {
    type: 'object',
    description: 'Problem details with the members of Shyntr beside.',
    required: [...REQUIRED_OF_PROBLEM, 'code'],
    properties: {
      type: { type: 'string', format: 'uri' },
      ...PROBLEM,
      status_code: { type: 'integer', description: 'As `status`.' },
      user_message: { type: 'string', description: 'As `detail`.' },
      code: { type: 'string', description: 'As `error`.' },
      field_errors: {
        type: 'array',
        items: {
          type: 'object',
          required: ['field', 'message'],
          properties: { field: { type: 'string' }, message: { type: 'string' } },
        },
      },
    },
  },
};
