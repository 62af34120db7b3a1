import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { asProblem, wantsProblem } from './problem-details.js';

function request(url: string, accept?: string): IncomingMessage {
  const headers = accept === undefined ? {} : { accept };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that is looked at
  return { url, headers } as unknown as IncomingMessage;
}

describe('problem details are asked for', () => {
  test.each([
    'application/problem+json',
    'Application/Problem+JSON',
    'application/problem+json;charset=utf-8',
    'application/json, application/problem+json',
    'application/problem+json, application/json',
    'application/json;q=0.5, application/problem+json;q=0.5',
    'text/html, application/problem+json ; q=0.1, */*',
    '*/*, application/problem+json',
  ])('%s', (accept) => {
    expect(wantsProblem(request('/internal/zones', accept))).toBe(true);
  });

  test.each(['http://[x/', 'http://%zz@b/x', 'http://xn--/'])(
    'not of %s, which has no path',
    (url) => {
      const asked = request(url, 'application/problem+json');
      expect(wantsProblem(asked)).toBe(false);
      const body = { error: 'invalid_request', error_description: 'x', requestId: 'r' };
      expect(asProblem(asked, 400, body)).not.toHaveProperty('status_code');
    },
  );

  test.each([
    undefined,
    '',
    '*/*',
    'application/*',
    'application/json',
    'application/problem+json;q=0',
    'application/problem+json;q=0.4, application/json;q=0.5',
    'application/problem+json;q=0.9, application/json',
    'application/problem+json;q=x',
    'application/problem+json;q=2',
    'application/problem+xml',
  ])('not by %s', (accept) => {
    expect(wantsProblem(request('/internal/zones', accept))).toBe(false);
  });

  test('nor outside operators’ routes', () => {
    const accept = 'application/problem+json';
    for (const url of ['/oauth/2/token', '/internals', '/', '/zones/internal', '/step-up/x']) {
      expect(wantsProblem(request(url, accept))).toBe(false);
    }
    for (const url of ['/internal', '/internal/', '/INTERNAL/x?y', '/internal?x']) {
      expect(wantsProblem(request(url, accept))).toBe(true);
    }
  });
});

test('problem details say what the error says', () => {
  const errors = [{ field: 'name', message: 'it is taken', code: 'taken' }];
  expect(
    asProblem(request('/internal/zones'), 409, {
      error: 'conflict',
      error_description: 'it exists',
      requestId: 'r',
      errors,
    }),
  ).toEqual({
    type: 'urn:mandate:problem:conflict',
    title: 'It conflicts with what is there',
    status: 409,
    detail: 'it exists',
    instance: 'urn:uuid:r',
    error: 'conflict',
    requestId: 'r',
    errors,
  });
});
