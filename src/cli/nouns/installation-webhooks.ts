import type { Noun } from './noun.js';
import { webhookActions } from './webhook-actions.js';
import { WEBHOOK_FIELDS, WEBHOOK_FILTERS } from './webhooks.js';

export const installationWebhooks: Noun = {
  name: 'installation-webhooks',
  one: 'webhook of the installation',
  what: 'Where events of several zones are told, or of all.',
  inZone: false,
  path: 'webhooks',
  calledBy: 'name',
  alsoCalledBy: 'url',
  made: 'url',
  columns: [
    { member: 'name' },
    { member: 'url' },
    { member: 'id', whole: true },
    { member: 'zone_ids', title: 'zones' },
    { member: 'events' },
    { member: 'enabled' },
    { member: 'failure_count', title: 'failures' },
  ],
  fields: [
    {
      flags: '--for-zone <zone>',
      member: 'zone_ids',
      kind: 'list',
      refersTo: 'zones',
      all: '*',
      what: 'a zone that it is told of, by name or id; * for all, those of tomorrow too',
    },
    ...WEBHOOK_FIELDS,
  ],
  filters: [
    ...WEBHOOK_FILTERS,
    {
      flags: '--told-of <zone>',
      parameter: 'zone',
      refersTo: 'zones',
      what: 'those that are told of this zone, by name or id',
    },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  actions: webhookActions('installation-webhooks', ''),
  examples: [
    {
      line: 'create https://siem.example/mandate --for-zone "*" --name siem --event revocation.ordered',
      what: 'of all zones; its secret is printed this once',
    },
    {
      line: 'create https://hooks.example/eu --for-zone prod-eu --for-zone test-eu',
      what: 'of two zones',
    },
    { line: 'list --told-of prod', what: 'who is told of a zone beside its own webhooks' },
  ],
};
