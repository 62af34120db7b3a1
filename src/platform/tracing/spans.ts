import {
  context,
  createTraceState,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { meaningOf, OAuthError } from '../../oauth/errors.js';
import type { AttributeName } from './names.js';
import type { TraceContext } from './trace-context.js';

export { SpanKind };

/** What a span says of itself. Ids and words of ours: no secret, no token, nothing that tells of a person. */
export type Attributes = Readonly<
  Partial<Record<AttributeName, string | number | readonly string[]>>
>;

/** A span that is recorded, as what runs in it sees it. */
export interface RecordedSpan {
  set(attributes: Attributes): void;
}

const NAME = 'mandate';
let tracer: Tracer | null = null;

/**
 * Begins to make spans, if there is something that takes them: our own exporter (`start-tracing.ts`), or an SDK that was
 * loaded in front of the program (`NODE_OPTIONS=--import …`). Otherwise no span is ever asked for.
 *
 * @returns whether there is
 */
export function findTracer(version: string): boolean {
  const provider = trace.getTracerProvider();
  const there =
    !(provider instanceof ProxyTracerProvider) ||
    provider.getDelegateTracer(NAME, version) !== undefined;
  tracer = there ? provider.getTracer(NAME, version) : null;
  return there;
}

/** Whether spans are made at all. */
export function isTracing(): boolean {
  return tracer !== null;
}

/** The span that is active, if it is recorded. */
function recorded(): Span | null {
  if (tracer === null) return null;
  const active = trace.getActiveSpan();
  return active?.isRecording() === true ? active : null;
}

/** Whether what runs now is in a span that is recorded. */
export function isRecording(): boolean {
  return recorded() !== null;
}

/**
 * Runs something as a span below the one that is active. Where none is recorded it runs, and that is all.
 *
 * @param run is given the span; `null` if there is none
 */
export function inSpan<T>(
  name: string,
  run: (span: RecordedSpan | null) => Promise<T>,
  attributes?: Attributes,
  kind: SpanKind = SpanKind.INTERNAL,
): Promise<T> {
  if (tracer === null || recorded() === null) return run(null);
  return runIn(tracer, { name, attributes, kind }, context.active(), run);
}

/**
 * Runs something in the background as a span of its own: in a trace that is known from before, else in a new one.
 *
 * @param before where it is in a trace; `null` for a new one
 */
export function inOwnSpan<T>(
  name: string,
  before: TraceContext | null,
  run: (span: RecordedSpan | null) => Promise<T>,
  attributes?: Attributes,
): Promise<T> {
  if (tracer === null) return run(null);
  return runIn(tracer, { name, attributes, kind: SpanKind.INTERNAL }, contextOf(before), run);
}

interface NewSpan {
  readonly name: string;
  readonly attributes: Attributes | undefined;
  readonly kind: SpanKind;
}

async function runIn<T>(
  by: Tracer,
  { name, attributes, kind }: NewSpan,
  parent: Context,
  run: (span: RecordedSpan | null) => Promise<T>,
): Promise<T> {
  const span = by.startSpan(name, { kind }, parent);
  set(span, attributes ?? {});
  try {
    return await context.with(trace.setSpan(parent, span), () =>
      run(span.isRecording() ? { set: (more) => set(span, more) } : null),
    );
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function set(span: Span, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    span.setAttribute(name, typeof value === 'object' ? [...value] : value);
  }
}

/** What was refused is no failure: its span says why. Messages are not told, since they may hold what was asked. */
function fail(span: Span, error: unknown): void {
  if (error instanceof OAuthError) {
    set(span, { 'mandate.error': error.code });
    if (meaningOf(error.code) !== 'failed') return;
  }
  const type =
    error instanceof OAuthError ? error.code : error instanceof Error ? error.name : '_OTHER';
  set(span, { 'error.type': type });
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function contextOf(before: TraceContext | null): Context {
  if (before === null) return ROOT_CONTEXT;
  const { traceId, spanId, sampled, state } = before;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state === null ? {} : { traceState: createTraceState(state) }),
  });
}

/** The span of a request to this server. */
export interface RequestSpan {
  /** Where what is done for the request is in a trace. */
  readonly trace: TraceContext;
  readonly isRecorded: boolean;
  /** Runs something in the span. */
  run(work: () => void): void;
  /** Ends it. @param name by which its route is known by now. @param failed whether that is our fault */
  end(name: string, attributes: Attributes, failed: boolean): void;
}

/**
 * Begins the span of a request.
 *
 * @param caller where the caller says that it is in a trace
 * @returns `null` where no spans are made
 */
export function beginRequest(name: string, caller: TraceContext | null): RequestSpan | null {
  if (tracer === null) return null;
  const parent = contextOf(caller);
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, parent);
  const within = trace.setSpan(parent, span);
  return {
    trace: { ...placeOf(span), state: caller?.state ?? null },
    isRecorded: span.isRecording(),
    run: (work) => context.with(within, work),
    end(finalName, attributes, failed) {
      span.updateName(finalName);
      set(span, attributes);
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** Where what runs now is in a trace, to be passed on; `null` if it is in none, or no spans are made. */
export function activeTrace(): TraceContext | null {
  if (tracer === null) return null;
  const active = trace.getActiveSpan();
  if (active === undefined) return null;
  const state = active.spanContext().traceState?.serialize() ?? '';
  return { ...placeOf(active), state: state === '' ? null : state };
}

function placeOf(span: Span): Omit<TraceContext, 'state'> {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
}
