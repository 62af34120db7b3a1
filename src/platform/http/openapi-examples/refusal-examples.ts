import { REQUEST } from './example-values.js';

/** A refusal as it is written where nothing else is asked for. */
export const ERROR_EXAMPLE = {
  error: 'conflict',
  error_description: 'something of that name or identifier exists',
  requestId: REQUEST,
  errors: [{ field: 'name', code: 'taken', message: 'it is taken' }],
} as const;

/** The same refusal as problem details (RFC 9457 3). */
export const PROBLEM_EXAMPLE = {
  type: 'urn:mandate:problem:conflict',
  title: 'It conflicts with what is there',
  status: 409,
  detail: 'something of that name or identifier exists',
  instance: `urn:uuid:${REQUEST}`,
  error: 'conflict',
  requestId: REQUEST,
  errors: [{ field: 'name', code: 'taken', message: 'it is taken' }],
} as const;
