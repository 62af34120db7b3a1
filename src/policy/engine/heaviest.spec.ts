import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { input, set } from '../policy.fixture.js';
import { evaluate } from './evaluate.js';
import { Inquiry } from './inquiry.js';
import { heaviest } from './heaviest.js';
import { MAX_INPUT_BYTES } from './input.js';
import { inputBytes } from './input-text.js';
import { largestInputs } from './largest-inputs.js';

const PRINCIPALS = ['', ' == Application::"app-1"', ' == User::"alice"', ' == Group::"g"'];
const RESOURCES = ['', ' == Resource::"r-1"', ' == Resource::"r-2"'];
const PARTIES = [
  { type: 'Application', id: 'app-1' },
  { type: 'Application', id: 'nobody' },
  { type: 'User', id: 'alice' },
] as const;

const policy = fc
  .record({
    start: fc.constantFrom('permit', 'forbid', '@step_up("mfa") forbid'),
    principal: fc.constantFrom(...PRINCIPALS),
    resource: fc.constantFrom(...RESOURCES),
    times: fc.integer({ min: 1, max: 20 }),
  })
  .map(
    ({ start, principal, resource, times }) =>
      `${start}(principal${principal}, action, resource${resource})
         when { [${Array(times).fill('context').join()}].contains(1) };`,
  );

test('nobody asks for anything that costs more than what is heaviest', () => {
  fc.assert(
    fc.property(fc.array(policy, { maxLength: 8 }), (policies) => {
      const compiled = set(...policies.map((text, n) => `@id("p${n}") ${text}`));
      const { fixed, perByte } = heaviest(compiled);
      for (const principal of PARTIES) {
        for (const identifier of ['r-1', 'r-2', 'another']) {
          const asked = input({ principal, resource: { identifier } });
          const cost = new Inquiry(compiled, asked).weigh();
          // The same numbers are added in another order.
          expect(cost).toBeLessThan((fixed + perByte * inputBytes(asked)) * (1 + 1e-9));
        }
      }
    }),
  );
});

test('what is heaviest is of somebody who can ask for something', () => {
  const compiled = set(
    '@id("a") permit(principal == Group::"g", action, resource) when { [context, context].contains(1) };',
    '@id("b") permit(principal == User::"alice", action, resource == Resource::"r-2");',
  );
  expect(heaviest(compiled).parties).toEqual({
    principal: { type: 'User', id: 'alice' },
    resource: 'r-2',
  });
});

test('the largest inputs are as large as one may be, and have whatever may be asked for', () => {
  const compiled = set(
    `@id("all") permit(principal, action, resource) when {
       principal.labels == principal.labels && principal.lifecycle == "task" &&
       principal.agent_session_id == context.agent_session_id &&
       context.subject_claims.labels == context.subject_claims.labels &&
       resource.scopes == resource.scopes && context.requested_scopes == context.requested_scopes &&
       context.request_path like "/*" && context.request_method == "GET" &&
       context.requested_ttl_seconds == 60 && context.time.hour == 1 && context.trace_id == context.session_id &&
       context.session has id && context.delegation_edge has path &&
       context.authorization_details.count == 1
     };`,
  );
  const inputs = largestInputs({
    principal: { type: 'Application', id: 'x'.repeat(100) },
    resource: 'r'.repeat(1_000),
  });
  expect(inputs).toHaveLength(7);
  for (const largest of inputs) {
    expect(inputBytes(largest)).toBeLessThanOrEqual(MAX_INPUT_BYTES);
    expect(inputBytes(largest)).toBeGreaterThan(0.9 * MAX_INPUT_BYTES);
    expect(evaluate(compiled, largest)).toMatchObject({
      decision: 'allow',
      evaluationStatus: 'complete',
    });
  }
});
