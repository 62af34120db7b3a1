/**
 * A place in a trace (W3C Trace Context): which trace, and which span of it is the parent of what follows.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export interface TraceContext {
  /** 32 hexadecimal digits in small letters, not all 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits in small letters, not all 0. */
  readonly spanId: string;
  /** Whether whoever sent it may have recorded it. */
  readonly sampled: boolean;
  /** `tracestate`, as it came; `null` if there was none, or none that can be passed on. */
  readonly state: string | null;
}

/** Version 00, or a later one, of which there may be more behind: what follows the flags is not read (4.3). */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?$/;
const MAX_LENGTH = 256;
const SAMPLED = 0x01;

/**
 * Reads `traceparent` and `tracestate` as Node has them in `headers`, where a header that comes twice is one with a comma
 * in it, and so no `traceparent`.
 *
 * @returns `null` for none, and for one that is malformed: nothing of it is to be believed then (3.2.2.3)
 */
export function readTraceContext(
  traceparent: string | readonly string[] | undefined,
  tracestate?: string | readonly string[],
): TraceContext | null {
  if (typeof traceparent !== 'string' || traceparent.length > MAX_LENGTH) return null;
  const parts = TRACEPARENT.exec(traceparent);
  if (parts === null) return null;
  const [, version, traceId = '', spanId = '', flags = '', more] = parts;
  if (version === '00' && more !== undefined) return null;
  return {
    traceId,
    spanId,
    sampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED,
    state: readState(tracestate),
  };
}

/** The value of `traceparent`, in version 00, which a later one is replaced by (4.3). */
export function writeTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** The headers that pass a place in a trace on. */
export function traceHeaders(trace: TraceContext | null): Record<string, string> {
  if (trace === null) return {};
  const { state } = trace;
  return {
    traceparent: writeTraceparent(trace),
    ...(state === null ? {} : { tracestate: state }),
  };
}

const MAX_STATE_LENGTH = 512;
const MAX_MEMBERS = 32;
/** What may be in `tracestate` at all. */
const STATE = /^[\t -~]*$/;
/** A member of it (3.3.1.3). */
const MEMBER =
  /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/** One that is malformed or too long is dropped as a whole; the trace goes on without (3.3.1, 4.2). */
function readState(text: string | readonly string[] | undefined): string | null {
  if (typeof text !== 'string' || text.length > MAX_STATE_LENGTH || !STATE.test(text)) return null;
  const members = text
    .split(',')
    // Of what may be in it, blanks and tabs are taken away, in a time that does not grow with the square of their number.
    .map((member) => member.trim())
    .filter((member) => member !== '');
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf('='))));
  const usable =
    members.length > 0 &&
    members.length <= MAX_MEMBERS &&
    keys.size === members.length &&
    members.every((member) => MEMBER.test(member));
  return usable ? members.join(',') : null;
}
