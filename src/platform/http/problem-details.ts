import type { IncomingMessage } from 'node:http';
import { isManagementPath, shyntrMembers } from './management-problem.js';
import { pathOf } from './steps.js';

/** The media type of problem details (RFC 9457 3). */
export const PROBLEM_JSON = 'application/problem+json';

/** What the `type` of a problem begins with; the word for the error follows. It is a name, no address. */
const TYPE = 'urn:mandate:problem:';

/** The kinds of problems of operators' routes, with their titles, which are the same whenever the problem is. */
export const PROBLEMS: Readonly<Record<string, string>> = {
  invalid_request: 'The request is malformed',
  invalid_token: 'The credentials are missing or not valid',
  access_denied: 'That is not allowed',
  insufficient_scope: 'A permission is missing',
  not_found: 'There is no such thing',
  method_not_allowed: 'There is no such method here',
  conflict: 'It conflicts with what is there',
  idempotency_key_in_use: 'A request with this Idempotency-Key is under way',
  idempotency_key_reused: 'The Idempotency-Key was sent with another request',
  idempotency_answer_lost: 'The request was carried out, and its answer was not kept',
  precondition_failed: 'It has changed',
  too_large: 'The body is too large',
  unsupported_media_type: 'The body is of another type than is read here',
  unprocessable: 'The request cannot be carried out as it is',
  approval_required: 'A second person has to approve it',
  slow_down: 'Too much is asked for at once',
  server_error: 'An internal error',
  temporarily_unavailable: 'It cannot be answered now',
};

/** Of statuses whose word in an answer of the other form is a more general one. */
const WORD_OF_STATUS: Readonly<Record<number, string>> = {
  405: 'method_not_allowed',
  413: 'too_large',
  415: 'unsupported_media_type',
};

/** Operators' routes. Others have the form that their RFC gives errors (RFC 6749 5.2), whatever is asked for. */
const OPERATORS = /^\/internal(?:\/|$)/i;

/**
 * Whether an error of a request is to be answered as problem details: it is one to operators' routes, and its `Accept` names
 * that type, and does not prefer `application/json` (RFC 9110 12.5.1). A wildcard does not name it. Below the paths of Shyntr
 * all are, as they are there.
 */
export function wantsProblem(request: IncomingMessage): boolean {
  const { accept } = request.headers;
  const path = pathIfAny(request);
  if (isManagementPath(path)) return true;
  if (accept === undefined || !OPERATORS.test(path)) return false;
  const ranges = accept.split(',').map(readRange);
  const quality = (type: string): number | undefined =>
    ranges.find((range) => range.type === type)?.quality;
  const wanted = quality(PROBLEM_JSON) ?? 0;
  return wanted > 0 && wanted >= (quality('application/json') ?? 0);
}

/**
 * The problem details that say the same as an error body (RFC 9457 3.1): `error` and what else the body has stays in them.
 *
 * @param request by which it is known whether others' members belong there, too
 * @param body as `errorBody` makes it, perhaps with further members
 */
export function asProblem(
  request: IncomingMessage,
  status: number,
  { error, error_description: detail, ...rest }: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const word = WORD_OF_STATUS[status] ?? String(error);
  const problem = {
    type: `${TYPE}${word}`,
    title: PROBLEMS[word] ?? PROBLEMS['invalid_request'],
    status,
    detail,
    instance: `urn:uuid:${String(rest['requestId'])}`,
    error,
    ...rest,
  };
  return isManagementPath(pathIfAny(request)) ? { ...problem, ...shyntrMembers(problem) } : problem;
}

/** The path of a request; none for a target that has none, which is refused with an error as well. */
function pathIfAny(request: IncomingMessage): string {
  try {
    return pathOf(request);
  } catch {
    return '';
  }
}

function readRange(range: string): { readonly type: string; readonly quality: number } {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  const quality = q === undefined ? 1 : Number(q);
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}
