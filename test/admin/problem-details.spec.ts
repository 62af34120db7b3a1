import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { sendRaw } from '../setup/raw-request.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const PROBLEM = { accept: 'application/problem+json' };
const NO_ID = '00000000-0000-7000-8000-000000000000';
/** No more than is sent before anybody answers, since the rest meets a closed connection. */
const LARGE = JSON.stringify({ name: 'x'.repeat(1_024 * 1_024) });

/** What goes wrong, and the word for it in `type`. */
interface Case {
  readonly what: string;
  readonly method: string;
  /** Below `/internal`. */
  readonly path: string;
  /** Whether that is below the zone. */
  readonly inZone?: true;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly word: string;
}

const create = { method: 'POST', path: '/zones' } as const;
const list = { method: 'GET', path: '/zones' } as const;

const CASES: readonly Case[] = [
  { what: 'a wrong member', ...create, body: '{"name":""}', status: 400, word: 'invalid_request' },
  { what: 'no JSON', ...create, body: '{', status: 400, word: 'invalid_request' },
  {
    what: 'a wrong parameter',
    ...list,
    path: '/zones?limit=x',
    status: 400,
    word: 'invalid_request',
  },
  {
    what: 'no key',
    ...list,
    headers: { authorization: '' },
    status: 401,
    word: 'invalid_token',
  },
  {
    what: 'an unknown zone',
    ...list,
    path: `/zones/${NO_ID}`,
    status: 404,
    word: 'not_found',
  },
  { what: 'an unknown route', ...list, path: '/nothing', status: 404, word: 'not_found' },
  {
    what: 'an unknown method',
    method: 'PUT',
    path: '/zones',
    status: 405,
    word: 'method_not_allowed',
  },
  {
    what: 'a name that is taken',
    method: 'POST',
    path: '/clients',
    inZone: true,
    body: '{"name":"taken"}',
    status: 409,
    word: 'conflict',
  },
  {
    what: 'another tag',
    method: 'PATCH',
    path: '',
    inZone: true,
    body: '{}',
    headers: { 'if-match': '"another"' },
    status: 412,
    word: 'precondition_failed',
  },
  { what: 'a large body', ...create, body: LARGE, status: 413, word: 'too_large' },
  {
    what: 'another type',
    ...create,
    body: 'x',
    headers: { 'content-type': 'text/plain' },
    status: 415,
    word: 'unsupported_media_type',
  },
];

describe('an error is told as problem details to who asks for them', () => {
  test.each(CASES)('$what', async ({ method, path, body, status, word, headers = {}, ...one }) => {
    if (word === 'conflict') await zone.newClient({ name: 'taken' }).catch(() => {});
    const at = one.inZone === true ? `/zones/${zone.zoneId}${path}` : path;
    const other = await sendRaw(replica, method, at, body, headers);
    const told = await sendRaw(replica, method, at, body, { ...headers, ...PROBLEM });
    expect([other.status, other.headers.get('content-type')]).toEqual([
      status,
      'application/json; charset=utf-8',
    ]);
    expect([told.status, told.headers.get('content-type')]).toEqual([
      status,
      'application/problem+json',
    ]);
    const { error_description: detail, requestId: _otherId, ...rest } = other.json;
    const requestId = told.headers.get('mandate-request-id');
    expect(told.json).toEqual({
      type: `urn:mandate:problem:${word}`,
      title: expect.stringMatching(/^[A-Z].+/) as string,
      status,
      detail,
      instance: `urn:uuid:${requestId}`,
      requestId,
      ...rest,
    });
    for (const name of ['allow', 'www-authenticate', 'cache-control']) {
      expect([name, told.headers.get(name)]).toEqual([name, other.headers.get(name)]);
    }
  });
});

test('what went well is JSON, whatever is asked for', async () => {
  const shown = await persistently(() =>
    callAdmin(replica, 'GET', `/zones/${zone.zoneId}`, undefined, PROBLEM),
  );
  expect([shown.status, shown.headers.get('content-type')]).toEqual([
    200,
    'application/json; charset=utf-8',
  ]);
});

test('an OAuth endpoint answers in the form of its RFC', async () => {
  const refused = await fetch(`${replica.url}/oauth/2/token`, {
    method: 'POST',
    headers: PROBLEM,
    body: new URLSearchParams({ grant_type: randomUUID() }),
  });
  const body = (await refused.json()) as Record<string, unknown>;
  expect(refused.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(Object.keys(body).toSorted()).toEqual(['error', 'error_description', 'requestId']);
});
