import { expect, test } from 'vitest';
import { topicOf } from './event-topic.js';

test.each([
  [
    'what was changed, by its name of after',
    { type: 'admin.client.changed', before: { id: '1', name: 'a' }, after: { id: '1', name: 'b' } },
    'b',
  ],
  [
    'what was made, though a version of it was, too',
    { type: 'admin.policy.created', version: { id: '2' }, policy: { id: '1', name: 'orders' } },
    'orders',
  ],
  [
    'a webhook without a name',
    {
      type: 'admin.webhook.removed',
      webhook: { id: '1', name: null, url: 'https://hooks.example' },
    },
    'https://hooks.example',
  ],
  [
    'whose secret is another one',
    { type: 'admin.client_secret.created', client_id: 'c', secret: { id: '3' } },
    '3',
  ],
  [
    'the operator whose key it is',
    { type: 'admin.operator_key.created', subject_operator: 'bob', key: { id: '4' } },
    'bob',
  ],
  [
    'a request that waits for a second operator',
    { type: 'admin.approval.requested', summary: 'delete the zone "shop"' },
    'delete the zone "shop"',
  ],
  [
    'nothing but a switch',
    { type: 'admin.two_person_rule.changed', before: false, after: true },
    null,
  ],
  [
    'the id of what decides now',
    { type: 'admin.policy.activated', before: null, after: '0192f0c1-0000-7000-8000-00000000000a' },
    '0192f0c1-0000-7000-8000-00000000000a',
  ],
  [
    'no long text',
    { type: 'admin.policy_schema.changed', before: null, after: 'entity Order;', id: 'x' },
    null,
  ],
  [
    'not the mandate that it was done with',
    { type: 'admin.demo.created', operator_mandate: { issuer: 'i' } },
    null,
  ],
  [
    'what a token was asked for',
    {
      type: 'token_exchange',
      requested: { resources: ['https://a.example', 'https://b.example'] },
      policy: { name: 'x' },
    },
    'https://a.example https://b.example',
  ],
  ['a token request that could not be read', { type: 'token_exchange' }, null],
  ['what has no type', {}, null],
])('%s', (_what, event, topic) => {
  expect(topicOf(event)).toBe(topic);
});
