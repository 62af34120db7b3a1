import { objectOf, textOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { hintAtSecrets } from '../verbs/create.js';
import type { Action, ActionOption } from './noun.js';

/**
 * What can be done with webhooks beside what can be done with anything.
 *
 * @param noun of zones or of the installation
 * @param zone what examples say of the zone: that of the webhook; nothing for one of the installation, which is asked of which
 *   zone deliveries are meant
 */
export function webhookActions(noun: string, zone: '' | ' --zone prod'): readonly Action[] {
  const it = { name: 'webhook', what: 'its name, URL or id', of: noun } as const;
  const ofZone: readonly ActionOption[] = zone === '' ? [OF_ZONE] : [];
  return [
    {
      words: 'rotate-secret',
      what: 'Gives a webhook another secret, printed this once. The one before signs along for a day.',
      args: [it],
      examples: [{ line: `https://hooks.example/mandate${zone}`, what: 'another secret' }],
      async run(context, { args: [name = ''] }) {
        const answer = await context.api.request(
          'POST',
          `${await context.pathOf(noun, name)}/secret`,
        );
        await context.print(answer);
        hintAtSecrets(context, answer.body);
      },
    },
    {
      words: 'test',
      what: 'Sends a test event, in the same way as any other.',
      args: [it],
      examples: [{ line: `https://hooks.example/mandate${zone}`, what: 'is it there?' }],
      run: async (context, { args: [name = ''] }) =>
        context.print(
          await context.api.request('POST', `${await context.pathOf(noun, name)}/test`),
        ),
    },
    {
      words: 'deliveries list',
      what: 'Lists what a webhook was, is or was not to be told.',
      args: [it],
      options: [
        {
          flags: '--state <state>',
          what: 'those in this state',
          choices: ['pending', 'delivered', 'dead'],
        },
        ...ofZone,
      ],
      examples: [
        {
          line: `https://hooks.example/mandate${zone} --state dead`,
          what: 'what was given up',
        },
      ],
      async run(context, { args: [name = ''], options }) {
        const { state, ofZone: said } = options;
        const inState = typeof state === 'string' ? { state } : {};
        const query = { ...inState, zone: await zoneOf(context, said) };
        const columns = [
          { member: 'id', whole: true as const },
          ...(zone === '' ? [{ member: 'zone_id' }] : []),
          { member: 'event_type' },
          { member: 'attempts' },
          { member: 'due_at' },
          { member: 'delivered_at' },
          { member: 'dead_at' },
          { member: 'last_error' },
        ];
        await context.printList(`${await context.pathOf(noun, name)}/deliveries`, columns, query);
      },
    },
    {
      words: 'deliveries replay',
      what: 'Sends again what was told, or was given up, of events in some time.',
      args: [it],
      options: [
        { flags: '--from <instant>', what: 'events of this moment and after', required: true },
        { flags: '--to <instant>', what: 'events before this moment; now if it is not said' },
        { flags: '--event <type>', what: 'events of this type', several: true },
        {
          flags: '--state <state>',
          what: 'what was given up, or was received',
          choices: ['delivered', 'dead'],
        },
        ...ofZone,
      ],
      examples: [
        {
          line: `https://hooks.example/mandate${zone} --from 2026-01-31T09:00:00Z --state dead`,
          what: 'what was given up since nine',
        },
      ],
      async run(context, { args: [name = ''], options }) {
        const { from, to, event, state, ofZone: said } = options;
        const zoneId = await zoneOf(context, said);
        const body = {
          from,
          to,
          state,
          ...(event === undefined ? {} : { events: event }),
          ...(zoneId === undefined ? {} : { zone_id: zoneId }),
        };
        const path = `${await context.pathOf(noun, name)}/replay`;
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
      args: [it, { name: 'delivery', what: 'its id' }],
      examples: [
        {
          line: `https://hooks.example/mandate 0192f0c1-0000-7000-8000-00000000000a${zone}`,
          what: 'one of them',
        },
      ],
      run: async (context, { args: [name = '', delivery = ''] }) =>
        context.print(
          await context.api.request(
            'POST',
            `${await context.pathOf(noun, name)}/deliveries/${encodeURIComponent(delivery)}/retry`,
          ),
        ),
    },
  ];
}

const OF_ZONE: ActionOption = {
  flags: '--of-zone <zone>',
  what: 'what happened in this zone, by name or id',
  of: 'zones',
};

/** The id of the zone that was said, if one was. */
async function zoneOf(context: CommandContext, said: unknown): Promise<string | undefined> {
  return typeof said === 'string' ? context.idOf('zones', said) : undefined;
}
