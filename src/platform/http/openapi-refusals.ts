import { isManagementPath } from './management-problem.js';
import { ERROR_EXAMPLE, PROBLEM_EXAMPLE } from './openapi-examples/refusal-examples.js';
import type { Operation, Schema } from './openapi-schemas.js';

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
      errors: ERRORS,
      done: DONE,
      approval: APPROVAL,
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
    required: ['type', 'title', 'status', 'detail', 'instance', 'error', 'requestId'],
    properties: {
      type: { type: 'string', format: 'uri', examples: ['urn:mandate:problem:conflict'] },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      instance: { type: 'string', format: 'uri' },
      error: { type: 'string' },
      requestId: { type: 'string', format: 'uuid' },
      errors: ERRORS,
      done: DONE,
      approval: APPROVAL,
    },
    examples: [PROBLEM_EXAMPLE],
  },
  ManagementProblem: {
    type: 'object',
    description: 'Problem details with the members of Shyntr beside.',
    required: ['type', 'title', 'status', 'detail', 'instance', 'error', 'requestId', 'code'],
    properties: {
      type: { type: 'string', format: 'uri' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      instance: { type: 'string', format: 'uri' },
      error: { type: 'string' },
      requestId: { type: 'string', format: 'uuid' },
      errors: ERRORS,
      done: DONE,
      approval: APPROVAL,
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

/** What each status means where the controller does not say. */
const MEANINGS: Readonly<Record<number, string>> = {
  400: 'The request is not usable as it is: a member, a parameter or the body',
  401: 'Who asks has not said who that is, or not in a way that counts',
  403: 'Who asks may not',
  410: 'It is over',
  404: 'There is no such thing: unknown, malformed and of another zone alike',
  409: 'It does not go with what is there',
  412: 'It has changed since: If-Match names another',
  413: 'The body is too large',
  415: 'The body is not of a type that is read here',
  422: 'It is understood, and cannot be',
  428: 'A second operator has to approve it; then it is asked for again',
  429: 'Too often; see Retry-After',
  500: 'An error of this server; see its log',
  503: 'Not now; see Retry-After',
};

/** An operation, before it is known what it may be refused with. */
export interface Asked {
  readonly method: string;
  readonly path: string;
}

/** Adds every status that an operation can be refused with, and the error schema to those that have none. */
export function describeRefusals(operation: Operation, asked: Asked): void {
  const { responses } = operation;
  delete responses['default'];
  // What people look at says in a page as well that it is refused.
  const isPage = Object.values(responses).some(
    (response) =>
      response !== undefined && 'content' in response && 'text/html' in (response.content ?? {}),
  );
  for (const status of statusesOf(operation, asked)) {
    responses[status] ??= { description: MEANINGS[status] ?? 'Refused' };
  }
  for (const [status, response] of Object.entries(responses)) {
    if (response === undefined || '$ref' in response || !/^[45]/.test(status)) continue;
    response.content ??= isPage ? PAGE : contentAt(asked.path);
    const headers = headersOf(Number(status));
    if (headers !== undefined) response.headers = { ...headers, ...response.headers };
  }
}

/** Where pages are, a form that is none is refused as everywhere. */
const PAGE = {
  'text/html': { schema: { type: 'string' as const } },
  'application/json': { schema: { $ref: '#/components/schemas/Error' } },
};

/** What errors below a path are written as. */
function contentAt(path: string) {
  const error = { schema: { $ref: '#/components/schemas/Error' } };
  const problem = { schema: { $ref: '#/components/schemas/Problem' } };
  if (isManagementPath(path)) {
    return {
      'application/problem+json': { schema: { $ref: '#/components/schemas/ManagementProblem' } },
    };
  }
  if (!path.startsWith('/internal/')) return { 'application/json': error };
  return { 'application/json': error, 'application/problem+json': problem };
}

function statusesOf(operation: Operation, { method, path }: Asked): readonly number[] {
  const isOperators = path.startsWith('/internal/') || isManagementPath(path);
  const changes = method !== 'get';
  const isAgents = /^\/(zones\/\{zone\}\/)?(agents|agent-sessions|delegations)/.test(path);
  const isChange = isOperators && changes;
  // A body is read, and refused unless it is JSON, where none is asked for as well.
  const readsBody = operation.requestBody !== undefined || isChange;
  const conditional = operation.parameters?.some(
    (parameter) => 'name' in parameter && parameter.name === 'If-Match',
  );
  return [
    400,
    ...(operation.security === undefined ? [] : [401]),
    ...(isOperators ? [403, 404] : []),
    ...(path.includes('{') ? [404] : []),
    ...(isAgents ? [403] : []),
    ...(isAgents && changes ? [409] : []),
    ...(isChange ? [409, 422] : []),
    ...(conditional === true ? [412] : []),
    ...(readsBody ? [413, 415] : []),
    429,
    500,
    503,
  ];
}

function headersOf(status: number) {
  if (status === 401) {
    return { 'WWW-Authenticate': { schema: { type: 'string' as const } } };
  }
  if (status === 429 || status === 503) {
    return {
      'Retry-After': {
        description: 'Seconds after which a repetition makes sense',
        schema: { type: 'integer' as const },
      },
    };
  }
  return undefined;
}
