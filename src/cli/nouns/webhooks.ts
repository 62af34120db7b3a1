import { objectOf, textOf } from '../api/json.js';
import { hintAtSecrets } from '../verbs/create.js';
import type { Noun } from './noun.js';

const WEBHOOK = { name: 'webhook', what: 'its name, URL or id', of: 'webhooks' } as const;

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
  fields: [
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
  ],
  filters: [
    { flags: '--search <text>', parameter: 'search', what: 'those with this in their name or URL' },
    {
      flags: '--enabled <yes>',
      parameter: 'enabled',
      choices: ['true', 'false'],
      what: 'those that are on, or off',
    },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: { dryRun: true } },
  actions: [
    {
      words: 'rotate-secret',
      what: 'Gives a webhook another secret, printed this once. The one before signs along for a day.',
      args: [WEBHOOK],
      examples: [{ line: 'https://hooks.example/mandate --zone prod', what: 'another secret' }],
      async run(context, { args: [it = ''] }) {
        const answer = await context.api.request(
          'POST',
          `${await context.pathOf('webhooks', it)}/secret`,
        );
        await context.print(answer);
        hintAtSecrets(context, answer.body);
      },
    },
    {
      words: 'test',
      what: 'Sends a test event, in the same way as any other.',
      args: [WEBHOOK],
      examples: [{ line: 'https://hooks.example/mandate --zone prod', what: 'is it there?' }],
      run: async (context, { args: [it = ''] }) =>
        context.print(
          await context.api.request('POST', `${await context.pathOf('webhooks', it)}/test`),
        ),
    },
    {
      words: 'deliveries list',
      what: 'Lists what a webhook was, is or was not to be told.',
      args: [WEBHOOK],
      options: [
        {
          flags: '--state <state>',
          what: 'those in this state',
          choices: ['pending', 'delivered', 'dead'],
        },
      ],
      examples: [
        {
          line: 'https://hooks.example/mandate --zone prod --state dead',
          what: 'what was given up',
        },
      ],
      async run(context, { args: [it = ''], options }) {
        const { state } = options;
        const query = typeof state === 'string' ? { state } : {};
        const columns = [
          { member: 'id', whole: true as const },
          { member: 'event_type' },
          { member: 'attempts' },
          { member: 'due_at' },
          { member: 'delivered_at' },
          { member: 'dead_at' },
          { member: 'last_error' },
        ];
        await context.printList(
          `${await context.pathOf('webhooks', it)}/deliveries`,
          columns,
          query,
        );
      },
    },
    {
      words: 'deliveries replay',
      what: 'Sends again what was told, or was given up, of events in some time.',
      args: [WEBHOOK],
      options: [
        { flags: '--from <instant>', what: 'events of this moment and after', required: true },
        { flags: '--to <instant>', what: 'events before this moment; now if it is not said' },
        { flags: '--event <type>', what: 'events of this type', several: true },
        {
          flags: '--state <state>',
          what: 'what was given up, or was received',
          choices: ['delivered', 'dead'],
        },
      ],
      examples: [
        {
          line: 'https://hooks.example/mandate --zone prod --from 2026-01-31T09:00:00Z --state dead',
          what: 'what was given up since nine',
        },
      ],
      async run(context, { args: [it = ''], options }) {
        const { from, to, event, state } = options;
        const body = { from, to, state, ...(event === undefined ? {} : { events: event }) };
        const path = `${await context.pathOf('webhooks', it)}/replay`;
        let after: string | undefined;
        do {
          const answer = await context.api.request('POST', path, { body: { ...body, after } });
          await context.print(answer);
          after = textOf(objectOf(answer.body), 'next') || undefined;
        } while (after !== undefined);
      },
    },
    {
      words: 'deliveries retry',
      what: 'Sends a delivery again that was given up.',
      args: [WEBHOOK, { name: 'delivery', what: 'its id' }],
      examples: [
        {
          line: 'https://hooks.example/mandate 0192f0c1-0000-7000-8000-00000000000a --zone prod',
          what: 'one of them',
        },
      ],
      run: async (context, { args: [it = '', delivery = ''] }) =>
        context.print(
          await context.api.request(
            'POST',
            `${await context.pathOf('webhooks', it)}/deliveries/${encodeURIComponent(delivery)}/retry`,
          ),
        ),
    },
  ],
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
