import { expect, test } from 'vitest';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { PolicyOutcome } from '../../policy/engine/outcome.js';
import { NOTHING_ANALYSED } from './analysis-progress.js';
import { analyseEvents } from './analysis-step.js';

const CLIENT = '0192f0c1-0000-7000-8000-00000000000a';
const ALLOW: PolicyOutcome = {
  decision: 'allow',
  failed: false,
  stepUp: null,
  maxTtlSeconds: null,
};
const input: PolicyInput = {
  schema_version: '1',
  principal: { type: 'Application', id: CLIENT, zone_id: 'z' },
  resource: { type: 'Resource', id: 'r', identifier: 'urn:a', scopes: ['slow', 'used', 'unused'] },
  action: { id: 'TokenExchange' },
  context: { actor_claims: {}, requested_scopes: ['used'], challenge_resolved: false },
};
const event = {
  id: '0192f0c1-0000-7000-8000-000000000001',
  at: '2026-01-01T00:00:00.000Z',
  bytes: 1,
  policy: {
    asked: 'yes',
    unknown: 0,
    decisions: [
      {
        clientId: CLIENT,
        requestId: 'r-1',
        resource: 'urn:a',
        manifestSha256: 'abc',
        outcome: ALLOW,
        input,
        delegations: [],
      },
    ],
  },
} as const;

test('counts a scope that took too long to ask about, and says nothing of it', async () => {
  const base = { manifestSha256: 'abc', modules: [] };
  const { progress, found } = await analyseEvents(
    [event],
    base,
    new Set(),
    NOTHING_ANALYSED,
    async (_set, inputs) =>
      inputs.map(({ context }) => (context.requested_scopes.includes('slow') ? null : ALLOW)),
  );
  expect(progress).toMatchObject({ uses: 1, tooSlow: 1 });
  expect(found.map(({ scope, count }) => [scope, count])).toEqual([
    ['', 1],
    ['used', 1],
    ['unused', 0],
  ]);
});
