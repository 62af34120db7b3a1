import { expect, test } from 'vitest';
import { jsonOf } from '../../ledger/event-text.js';
import type { Verdict } from '../../policy/engine/evaluate.js';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { Decision } from '../stages/ask-policy.js';
import { recordedDecisions } from './recorded-decisions.js';

const allow: Verdict = {
  decision: 'allow',
  determiningPolicies: [],
  diagnostics: [],
  evaluationStatus: 'complete',
  maxTtlSeconds: 60,
};
const stepUp: Verdict = { ...allow, decision: 'step_up', stepUp: 'approval' };

function decision(identifier: string, claim: string, verdict: Verdict): Decision {
  const input: PolicyInput = {
    schema_version: '1',
    principal: { type: 'Application', id: 'c', zone_id: 'z' },
    resource: { type: 'Resource', id: 'r', identifier, scopes: [] },
    action: { id: 'TokenExchange' },
    context: { actor_claims: { claim }, requested_scopes: [], challenge_resolved: false },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no more of a resource is recorded
  return { resource: { identifier } as Decision['resource'], input, verdict };
}

test.each([
  ['nothing', []],
  ['one', [decision('resource://a', 'plain', allow)]],
  ['two of one verdict', [decision('a:"1"', 'a', allow), decision('a:\u{1F511}', 'b', allow)]],
  ['names with escapes', [decision('a:b', '"\\\n\u0000\u{1F511}', stepUp)]],
])('the JSON of recorded decisions says what they are: %s', (_what, decisions) => {
  const policy = recordedDecisions({ setVersionId: 's', manifestSha256: 'm', decisions });

  expect(JSON.parse(jsonOf(policy) ?? '')).toEqual(JSON.parse(JSON.stringify(policy)));
  expect(policy.decisions.map(({ resource }) => resource)).toEqual(
    decisions.map(({ resource }) => resource.identifier),
  );
});
