import { ROOT_CONTEXT, SpanKind, trace, TraceFlags } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { expect, test } from 'vitest';
import { samplerFor } from './sampler.js';
import type { Sampling } from '../config/otel-settings.js';

const ID = 'a'.repeat(32);

/** How many of so many requests are recorded, whose callers say that they are. */
function recorded(
  sampling: Sampling,
  requests: number,
  clock = { ms: 0 },
  sampler = samplerFor(sampling, () => clock.ms),
) {
  const caller = {
    traceId: ID,
    spanId: 'b'.repeat(16),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  };
  const context = trace.setSpanContext(ROOT_CONTEXT, caller);
  const one = () => sampler.shouldSample(context, ID, 'POST', SpanKind.SERVER, {}, []).decision;
  const decisions = Array.from({ length: requests }, one);
  return decisions.filter((decision) => decision === SamplingDecision.RECORD_AND_SAMPLED).length;
}

test.each(['always_on', 'parentbased_always_on'] as const)(
  'with %s each trace is recorded, whoever began it',
  (sampler) => {
    expect(recorded({ sampler, ratio: 1 }, 1_000)).toBe(1_000);
  },
);

test('where few are recorded, callers can have so many a second of theirs recorded', () => {
  const sampling = { sampler: 'parentbased_traceidratio', ratio: 0 } as const;
  const clock = { ms: 0 };
  const sampler = samplerFor(sampling, () => clock.ms);
  expect(recorded(sampling, 10_000, clock, sampler)).toBe(100);
  clock.ms = 1_000;
  expect(recorded(sampling, 10_000, clock, sampler)).toBe(50);
  clock.ms = 1_000_000;
  expect(recorded(sampling, 10_000, clock, sampler)).toBe(100);
});

test('nor do ids that are chosen so that they are recorded lead further', () => {
  expect(recorded({ sampler: 'traceidratio', ratio: 1 }, 10_000)).toBe(100);
  expect(recorded({ sampler: 'always_off', ratio: 1 }, 10)).toBe(0);
});

test('traces that begin here are recorded in the share that is set, without a bound', () => {
  const sampler = samplerFor({ sampler: 'parentbased_traceidratio', ratio: 1 }, () => 0);
  const decide = () =>
    sampler.shouldSample(ROOT_CONTEXT, ID, 'x', SpanKind.SERVER, {}, []).decision;
  const decisions = new Set(Array.from({ length: 1_000 }, decide));
  expect(decisions).toEqual(new Set([SamplingDecision.RECORD_AND_SAMPLED]));
});
