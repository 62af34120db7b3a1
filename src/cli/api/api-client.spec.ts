import { describe, expect, test } from 'vitest';
import { CommandFailure } from '../failure.js';
import { ApiClient } from './api-client.js';

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A client whose server answers one after the other with what is given. */
function clientOf(...answers: readonly (Response | Error)[]) {
  const sent: Sent[] = [];
  const waited: number[] = [];
  const left = [...answers];
  const client = new ApiClient(
    { url: 'https://m.example/base', from: '--server', token: 'the-token' },
    {
      fetch: (input, init) => {
        const request = new Request(input, init);
        const body: unknown = init?.body;
        sent.push({ method: request.method, url: request.url, headers: request.headers, body });
        const next = left.shift();
        if (next === undefined) throw new Error('there is no answer left');
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
      wait: (seconds) => Promise.resolve(waited.push(seconds)),
    },
  );
  return { client, sent, waited };
}

const answer = (status: number, body: unknown = {}, headers: Record<string, string> = {}) =>
  new Response(status === 204 ? null : JSON.stringify(body), { status, headers });

/** What `fetch` throws. */
const failure = (code: string) =>
  new TypeError('fetch failed', { cause: Object.assign(new Error('why'), { code }) });

/** How a request failed: exit code, sentence and hint. */
async function failed(promise: Promise<unknown>) {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CommandFailure)) throw new Error('it did not fail', { cause: error });
  return { code: error.code, message: error.message, hint: error.hint ?? '' };
}

describe('a request', () => {
  test('bears the token, and what it is asked on condition of', async () => {
    const { client, sent } = clientOf(answer(200, { id: 'x' }, { ETag: '"new"' }));
    const { body, etag } = await client.request('PATCH', 'zones/x', {
      body: { name: 'a' },
      ifMatch: '"old"',
      query: { a: 'b c', none: undefined },
    });
    expect([body, etag]).toEqual([{ id: 'x' }, '"new"']);
    const [{ method, url, headers, body: sentBody } = expect.fail('nothing was sent')] = sent;
    expect([method, url, sentBody]).toEqual([
      'PATCH',
      'https://m.example/base/internal/zones/x?a=b+c',
      '{"name":"a"}',
    ]);
    expect(Object.fromEntries(headers)).toMatchObject({
      authorization: 'Bearer the-token',
      'content-type': 'application/json',
      'if-match': '"old"',
      'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test('is made again while the server is busy, with the same key, and not for ever', async () => {
    const busy = () => answer(503, { error: 'temporarily_unavailable' }, { 'Retry-After': '2' });
    const later = answer(429, {}, { 'Retry-After': '86400' });
    const { client, sent, waited } = clientOf(busy(), later, answer(201, { id: 'x' }));
    await client.request('POST', 'zones', { body: { name: 'a' } });
    expect(waited).toEqual([2, 15]);
    expect(new Set(sent.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(1);

    const never = clientOf(busy(), busy(), busy(), busy(), busy(), busy());
    expect(await failed(never.client.get('zones'))).toMatchObject({ code: 3 });
    expect(never.sent).toHaveLength(5);
  });

  test('for a picture tells nobody who asks, goes nowhere else, and reads no more than it may be', async () => {
    let [read, ended] = [0, false];
    const endless = new ReadableStream<Uint8Array>({
      pull: (to) => {
        read += 100;
        to.enqueue(new Uint8Array(100));
      },
      cancel: () => {
        ended = true;
      },
    });
    const { client, sent } = clientOf(
      new Response('picture'),
      new Response(endless),
      new Response(null, { status: 302, headers: { Location: 'https://elsewhere.example' } }),
      failure('ECONNREFUSED'),
    );
    const download = () => client.download('https://m.example/logo.png', 1_000);
    expect(await download()).toEqual(Buffer.from('picture'));
    expect([await download(), ended, read < 2_000]).toEqual([null, true, true]);
    expect([await download(), await download()]).toEqual([null, null]);
    expect(sent.map(({ url, headers }) => [url, headers.get('authorization')])).toEqual(
      Array.from({ length: 4 }, () => ['https://m.example/logo.png', null]),
    );
  });

  test('of a list goes on from page to page, each once', async () => {
    const { client, sent } = clientOf(
      answer(200, { items: [{ id: '1' }, { id: '2' }], next: '2' }),
      answer(200, { items: [{ id: '3' }] }),
    );
    const ids: unknown[] = [];
    for await (const page of client.pages('zones', { search: 'x' })) {
      ids.push(...page.map(({ id }) => id));
    }
    expect(ids).toEqual(['1', '2', '3']);
    expect(sent.map(({ url }) => new URL(url).search)).toEqual([
      '?limit=500&search=x',
      '?limit=500&search=x&after=2',
    ]);
  });

  test.each([
    [400, 7],
    [422, 7],
    [401, 4],
    [403, 4],
    [404, 5],
    [409, 6],
    [412, 6],
    [428, 8],
    [500, 3],
  ])('that is answered %i ends with %i and says what the server said', async (status, code) => {
    const { client } = clientOf(
      answer(status, { error: 'x', error_description: 'so it is', requestId: 'r' }),
    );
    const told = await failed(client.get('zones'));
    expect(told.code).toBe(code);
    expect(told.message).toContain('so it is');
    expect(told.message.includes('request r')).toBe(status >= 500);
  });

  test('to where there are no routes of operators is not taken for one after what is not there', async () => {
    const { client } = clientOf(
      answer(404, { error: 'not_found', error_description: 'no such route' }),
    );
    const told = await failed(client.get('zones'));
    expect(told.code).toBe(3);
    expect(told.message).toContain('m.example/base (from --server) has no route GET');
    expect(told.hint).toContain('INTERNAL_PORT');
  });

  test('says which fields are wrong, and which permission is missing', async () => {
    const errors = [{ field: 'name', message: 'is in use' }];
    const { client } = clientOf(
      answer(409, { error: 'conflict', error_description: 'it is there already', errors }),
      answer(403, { error: 'access_denied', error_description: 'no', permission: 'zones:write' }),
    );
    expect((await failed(client.get('zones'))).message).toBe(
      'it is there already\n  name: is in use',
    );
    const sentence = 'name must be text';
    const twice = clientOf(
      answer(400, {
        error: 'invalid_request',
        error_description: sentence,
        errors: [{ field: 'name', message: sentence }],
      }),
    );
    expect((await failed(twice.client.get('zones'))).message).toBe(sentence);
    expect((await failed(client.get('zones'))).hint).toContain('zones:write');
  });

  test.each<[string, RegExp]>([
    ['ECONNREFUSED', /^nobody answers at https:\/\/m\.example\/base \(from --server\)$/],
    ['ENOTFOUND', /^there is no host m\.example/],
    ['EAI_AGAIN', /name server/],
    ['ETIMEDOUT', /^there is no way to/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /from nobody who is trusted/],
    ['CERT_HAS_EXPIRED', /has expired/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /for another host/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS/],
    ['ECONNRESET', /ended before the answer/],
  ])('that gets no answer for %s says why', async (code, said) => {
    const { client } = clientOf(failure(code));
    const told = await failed(client.get('zones'));
    expect(told.code).toBe(3);
    expect(told.message).toMatch(said);
    expect(told.hint).not.toContain('may have been done');
  });

  test('whose answer was lost says that it may have been done', async () => {
    const { client } = clientOf(failure('ECONNRESET'));
    expect((await failed(client.request('DELETE', 'zones/x'))).hint).toContain(
      'may have been done',
    );
  });

  test('gives the token to nobody else, and takes no other server for Mandate', async () => {
    const { client, sent } = clientOf(
      new Response('', { status: 302, headers: { Location: 'https://evil.example/' } }),
      new Response('<html>', { status: 200 }),
      new Response('<html>', { status: 404 }),
    );
    expect((await failed(client.get('zones'))).message).toContain('evil.example');
    expect((await failed(client.get('zones'))).message).toContain('is not Mandate');
    expect((await failed(client.get('zones'))).message).toContain('is not Mandate');
    expect(sent.map(({ url }) => new URL(url).host)).toEqual(Array(3).fill('m.example'));
  });
});
