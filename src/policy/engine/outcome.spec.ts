import { expect, test } from 'vitest';
import { changeBetween, outcomeOf, type PolicyOutcome } from './outcome.js';

const of = (
  decision: PolicyOutcome['decision'],
  more: Partial<PolicyOutcome> = {},
): PolicyOutcome => ({
  decision,
  failed: false,
  stepUp: decision === 'step_up' ? 'mfa' : null,
  maxTtlSeconds: null,
  ...more,
});

const CASES: readonly (readonly [string, PolicyOutcome, PolicyOutcome, string | null])[] = [
  ['the same', of('allow'), of('allow'), null],
  ['less', of('allow'), of('deny'), 'allow_to_deny'],
  ['more', of('deny'), of('allow'), 'deny_to_allow'],
  ['a confirmation', of('allow'), of('step_up'), 'allow_to_step_up'],
  ['another one', of('step_up'), of('step_up', { stepUp: 'passkey' }), 'step_up_changed'],
  ['a shorter life', of('allow'), of('allow', { maxTtlSeconds: 60 }), 'max_ttl_changed'],
  ['no decision any more', of('deny'), of('deny', { failed: true }), 'error'],
  ['no decision as before', of('deny', { failed: true }), of('deny', { failed: true }), null],
  ['a decision at last', of('deny', { failed: true }), of('deny'), null],
];

test.each(CASES)('says what is different: %s', (_what, before, after, change) => {
  expect(changeBetween(before, after)).toBe(change);
});

test('is made of a verdict', () => {
  const why = { determiningPolicies: [], diagnostics: [] };
  expect(outcomeOf({ decision: 'deny', evaluationStatus: 'error', ...why })).toEqual(
    of('deny', { failed: true }),
  );
  const asked = { decision: 'step_up', evaluationStatus: 'complete', stepUp: 'mfa' } as const;
  expect(outcomeOf({ ...asked, ...why })).toEqual(of('step_up'));
});
