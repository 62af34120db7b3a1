import { trace, type Context } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SamplingResult,
} from '@opentelemetry/sdk-trace-base';
import type { Sampling } from '../config/otel-settings.js';

/** How many traces that a caller has begun are recorded a second, and how many more at once, where not all traces are. */
const CALLERS_A_SECOND = 50;
const CALLERS_AT_ONCE = 100;

/**
 * The sampler that the settings name. Where it records a part of all traces, what callers say of theirs is believed for so
 * many a second: whoever may send a request may call it sampled, or choose an id for its trace that is.
 *
 * @param now milliseconds
 */
export function samplerFor(
  sampling: Sampling,
  now: () => number = () => performance.now(),
): Sampler {
  const sampler = standardSampler(sampling);
  return sampling.sampler.endsWith('always_on') ? sampler : new BoundedSampler(sampler, now);
}

function standardSampler({ sampler, ratio }: Sampling): Sampler {
  switch (sampler) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    default:
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }
}

class BoundedSampler implements Sampler {
  private left = CALLERS_AT_ONCE;
  private since: number;

  constructor(
    private readonly sampler: Sampler,
    private readonly now: () => number,
  ) {
    this.since = now();
  }

  shouldSample(context: Context, ...rest: AfterContext): SamplingResult {
    const result = this.sampler.shouldSample(context, ...rest);
    if (result.decision === SamplingDecision.NOT_RECORD) return result;
    if (trace.getSpanContext(context)?.isRemote !== true || this.takeOne()) return result;
    return { ...result, decision: SamplingDecision.NOT_RECORD };
  }

  toString(): string {
    return `Bounded{${this.sampler.toString()}}`;
  }

  private takeOne(): boolean {
    const now = this.now();
    const gained = ((now - this.since) / 1_000) * CALLERS_A_SECOND;
    this.left = Math.min(CALLERS_AT_ONCE, this.left + gained);
    this.since = now;
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }
}

type AfterContext = Parameters<Sampler['shouldSample']> extends [Context, ...infer R] ? R : never;
