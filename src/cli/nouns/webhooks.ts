import type { Field, Filter, Noun } from './noun.js';
import { webhookActions } from './webhook-actions.js';

/** What can be said of a webhook of a zone, and of one of the installation. */
export const WEBHOOK_FIELDS: readonly Field[] = [
  { flags: '--name <name>', member: 'name', kind: 'text', what: 'what it is called' },
  { flags: '--url <url>', member: 'url', kind: 'text', only: 'update', what: 'where to' },
  {
    flags: '--event <type>',
    member: 'events',
    kind: 'list',
    what: 'a type of event that is wanted',
  },
  {
    flags: '--enabled',
    member: 'enabled',
    kind: 'flag',
    only: 'update',
    what: 'tell it; while it is off events pass it by',
  },
];

/** What lists of either are narrowed by. */
export const WEBHOOK_FILTERS: readonly Filter[] = [
  { flags: '--search <text>', parameter: 'search', what: 'those with this in their name or URL' },
  {
    flags: '--enabled <yes>',
    parameter: 'enabled',
    choices: ['true', 'false'],
    what: 'those that are on, or off',
  },
];

export const webhooks: Noun = {
  name: 'webhooks',
  one: 'webhook',
  what: 'Where events are told, and what became of them.',
  inZone: true,
  calledBy: 'name',
  alsoCalledBy: 'url',
  made: 'url',
  columns: [
    { member: 'name' },
    { member: 'url' },
    { member: 'id', whole: true },
    { member: 'events' },
    { member: 'enabled' },
    { member: 'failure_count', title: 'failures' },
  ],
  fields: WEBHOOK_FIELDS,
  filters: WEBHOOK_FILTERS,
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  actions: webhookActions('webhooks', ' --zone prod'),
  examples: [
    {
      line: 'create https://hooks.example/mandate --zone prod --name ops --event challenge.created',
      what: 'its secret is printed this once',
    },
    {
      line: 'deliveries list https://hooks.example/mandate --zone prod --state dead',
      what: 'what was given up',
    },
    { line: 'update https://hooks.example/mandate --zone prod --no-enabled', what: 'not now' },
  ],
};
