import { expect, test } from 'vitest';
import { readDecisions } from './recorded-decisions.js';

const CLIENT = '0192f0c1-0000-7000-8000-00000000000a';
const input = {
  schema_version: '1',
  principal: { type: 'Application', id: CLIENT, zone_id: 'z' },
  resource: { type: 'Resource', id: 'r', identifier: 'resource://a', scopes: [] },
  action: { id: 'TokenExchange' },
  context: { actor_claims: {}, requested_scopes: [], challenge_resolved: false },
};
const decision = {
  resource: 'resource://a',
  decision: 'allow',
  evaluation_status: 'complete',
  input,
};

const event = (policy: unknown, more: object = {}) =>
  JSON.stringify({ client_id: CLIENT, request_id: 'r-1', policy, ...more });
const decided = (...decisions: unknown[]) => event({ manifest_sha256: 'abc', decisions });

test('reads a decision with what it was made of', () => {
  const stepUp = { ...decision, decision: 'step_up', step_up_required: 'mfa', max_ttl_seconds: 60 };
  expect(readDecisions(decided(stepUp))).toEqual({
    asked: 'yes',
    unknown: 0,
    decisions: [
      {
        clientId: CLIENT,
        requestId: 'r-1',
        resource: 'resource://a',
        manifestSha256: 'abc',
        outcome: { decision: 'step_up', failed: false, stepUp: 'mfa', maxTtlSeconds: 60 },
        input,
        delegations: [],
      },
    ],
  });
});

test.each([
  ['that was not asked', JSON.stringify({ client_id: CLIENT }), 'not'],
  ['that could not be used', event({ policy_set_version_id: 'x' }), 'unusable'],
])('tells apart a policy %s', (_what, text, asked) => {
  expect(readDecisions(text)).toEqual({ asked });
});

test.each([
  ['without an input', decided({ ...decision, input: undefined })],
  [
    'with an input of another form',
    decided({ ...decision, input: { ...input, schema_version: '2' } }),
  ],
  [
    'about something else',
    decided({ ...decision, input: { ...input, action: { id: 'Introspect' } } }),
  ],
  ['that says something unknown', decided({ ...decision, decision: 'perhaps' })],
  ['of nobody', event({ manifest_sha256: 'abc', decisions: [decision] }, { client_id: 'x' })],
  ['of an event that is no JSON', '{'],
])('guesses nothing of a decision %s', (_what, text) => {
  expect(readDecisions(text)).toEqual({ asked: 'yes', decisions: [], unknown: 1 });
});
