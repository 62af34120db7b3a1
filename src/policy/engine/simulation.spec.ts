import { expect, test } from 'vitest';
import { UncompilablePolicy, manifestSha256 } from './compile.js';
import { residency } from './engine.js';
import { input } from '../policy.fixture.js';
import { ManifestMismatch, type SimulationRequest, simulate } from './simulation.js';

const POLICIES = [{ id: 'base', content: '@reason("fine") permit(principal, action, resource);' }];
const STEP_UP = { id: 'mfa', content: '@step_up("mfa") forbid(principal, action, resource);' };

function request(knobs: Partial<SimulationRequest> = {}): SimulationRequest {
  return { policies: POLICIES, input: input(), ...knobs };
}

test('answers with the verdict, the manifest and what was named', () => {
  const named = { policy_set_id: 'set', version_id: 'v1' };
  expect(simulate(request({ ...named, manifest_sha256: manifestSha256(POLICIES) }))).toEqual({
    ...named,
    manifest_sha256: manifestSha256(POLICIES),
    result: {
      decision: 'allow',
      evaluation_status: 'complete',
      determining_policies: [{ policy: 'base', effect: 'permit', reason: 'fine' }],
      diagnostics: [],
    },
  });
});

test('shows a step-up as a denial that says so', () => {
  expect(simulate(request({ policies: [...POLICIES, STEP_UP] })).result).toMatchObject({
    decision: 'deny',
    evaluation_status: 'complete',
    diagnostics: [{ step_up_required: 'mfa' }],
  });
});

test('denies on an empty bundle', () => {
  expect(simulate(request({ policies: [] })).result.decision).toBe('deny');
});

test('refuses another manifest', () => {
  expect(() => simulate(request({ manifest_sha256: '0'.repeat(64) }))).toThrow(ManifestMismatch);
});

test('refuses a bundle that does not compile', () => {
  const policies = [{ id: 'bad', content: 'permit(' }];
  expect(() => simulate(request({ policies }))).toThrow(UncompilablePolicy);
});

test('leaves nothing in the engine', () => {
  const before = residency();
  simulate(request({ policies: [...POLICIES, STEP_UP] }));
  expect(residency()).toEqual(before);
});
