import { isManagementPath } from './management-problem.js';
import type { Operation } from './openapi-schemas.js';

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
