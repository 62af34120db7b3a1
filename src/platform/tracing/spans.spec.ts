import { context, ProxyTracerProvider, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import { ATTRIBUTES } from './names.js';
import {
  activeTrace,
  beginRequest,
  findTracer,
  inOwnSpan,
  inSpan,
  isRecording,
  isTracing,
} from './spans.js';

afterEach(() => {
  vi.restoreAllMocks();
  trace.disable();
  context.disable();
  findTracer('1');
});

test('without an SDK no tracer, no span and no context is asked for', async () => {
  expect(findTracer('1')).toBe(false);
  const asked = [
    vi.spyOn(trace, 'getTracer'),
    vi.spyOn(trace, 'getActiveSpan'),
    vi.spyOn(trace, 'setSpan'),
    vi.spyOn(context, 'active'),
    vi.spyOn(context, 'with'),
    vi.spyOn(ProxyTracerProvider.prototype, 'getTracer'),
  ];
  expect(isTracing()).toBe(false);
  expect(isRecording()).toBe(false);
  expect(activeTrace()).toBeNull();
  expect(beginRequest('GET', null)).toBeNull();
  const run = vi.fn(async (span: unknown) => span);
  const result = Promise.resolve('the very promise');
  expect(inSpan('a', () => result)).toBe(result);
  expect(await inSpan('a', run, { 'error.type': 'x' })).toBeNull();
  expect(await inOwnSpan('a', null, run)).toBeNull();
  for (const each of asked) expect(each).not.toHaveBeenCalled();
});

describe('with an SDK', () => {
  let exporter: InMemorySpanExporter;
  beforeEach(() => {
    exporter = new InMemorySpanExporter();
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    expect(findTracer('1')).toBe(true);
  });
  const finished = () =>
    exporter
      .getFinishedSpans()
      .map(({ name, status, attributes }) => ({ name, status, attributes }));

  test('a span is below the one that is active, and there is none where none is', async () => {
    await inSpan('nobody asked', async (span) => expect(span).toBeNull());
    await inOwnSpan('outer', null, () => inSpan('inner', async () => {}));
    const [inner, outer] = exporter.getFinishedSpans();
    expect([inner?.name, outer?.name]).toEqual(['inner', 'outer']);
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(exporter.getFinishedSpans()).toHaveLength(2);
  });

  test('goes on in a trace that is known from before, with its state', async () => {
    const before = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, state: 'r=1' };
    const within = await inOwnSpan('later', before, async () => activeTrace());
    expect(within).toMatchObject({ traceId: before.traceId, sampled: true, state: 'r=1' });
    expect(within?.spanId).not.toBe(before.spanId);
  });

  test.each([
    [new OAuthError('access_denied', 'no'), { 'mandate.error': 'access_denied' }, 0],
    [new OAuthError('slow_down', 'later'), { 'mandate.error': 'slow_down' }, 0],
    [
      unavailable('away'),
      { 'mandate.error': 'temporarily_unavailable', 'error.type': 'temporarily_unavailable' },
      2,
    ],
    [new TypeError('with a secret'), { 'error.type': 'TypeError' }, 2],
    ['a text with a secret', { 'error.type': '_OTHER' }, 2],
  ])('a refusal is told from a failure: %s', async (error, attributes, code) => {
    const work = inOwnSpan('work', null, async () => {
      throw error;
    });
    await expect(work).rejects.toBe(error);
    expect(finished()).toEqual([{ name: 'work', status: { code }, attributes }]);
    expect(Object.keys(ATTRIBUTES)).toEqual(expect.arrayContaining(Object.keys(attributes)));
  });

  test('below a request that is over nothing more is recorded', async () => {
    const request = beginRequest('GET', null);
    let late: Promise<unknown> = Promise.resolve();
    request?.run(() => {
      late = new Promise((resolve) => setImmediate(resolve)).then(() =>
        inSpan('late', async (span) => span),
      );
    });
    request?.end('GET /x', {}, false);
    expect(await late).toBeNull();
    expect(finished().map(({ name }) => name)).toEqual(['GET /x']);
  });
});
