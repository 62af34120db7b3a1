import { LOG_LEVELS } from '../../platform/config/log-level.js';
import { isObject, listOf, objectOf } from '../api/json.js';
import { printItems } from '../print/things.js';
import type { Noun } from './noun.js';

const COLUMNS = [
  { member: 'at' },
  { member: 'type' },
  { member: 'outcome' },
  { member: 'client_id' },
  { member: 'reason' },
] as const;

export const decisions: Noun = {
  name: 'decisions',
  one: 'decision',
  what: 'What was decided on a request, why, and on what input.',
  inZone: false,
  calledBy: null,
  columns: COLUMNS,
  fields: [],
  filters: [],
  verbs: {},
  actions: [
    {
      words: 'show',
      what: 'Shows what was decided on a request, by the id that its answer had (X-Request-Id), or that of its trace.',
      args: [{ name: 'request', what: 'its id' }],
      examples: [
        { line: '0192f0c1-0000-7000-8000-00000000000a', what: 'what was decided, and why' },
        {
          line: '0192f0c1-0000-7000-8000-00000000000a --json',
          what: 'each event on a line, with its input',
        },
      ],
      async run(context, { args: [request = ''] }) {
        const path = `decisions/${encodeURIComponent(request)}`;
        if (context.json) return printItems(context, context.api.pages(path), COLUMNS);
        for await (const page of context.api.pages(path)) {
          for (const event of page) await context.print({ body: event });
        }
      },
    },
    {
      words: 'replay',
      what: 'Makes the decisions of a request again: on the policy that was recorded, or on a candidate.',
      args: [{ name: 'request', what: 'its id' }],
      options: [
        { flags: '--policy-set-version <id>', what: 'a version of a policy set of the same zone' },
      ],
      examples: [
        { line: '0192f0c1-0000-7000-8000-00000000000a --json', what: 'do they come out the same?' },
      ],
      async run(context, { args: [request = ''], options }) {
        const { policySetVersion } = options;
        const body =
          typeof policySetVersion === 'string' ? { policy_set_version_id: policySetVersion } : {};
        const path = `decisions/${encodeURIComponent(request)}/replay`;
        const answer = await context.api.request('POST', path, { body });
        if (context.json) return context.print(answer);
        for (const item of listOf(objectOf(answer.body)['items']).filter(isObject)) {
          await context.print({ body: item });
        }
      },
    },
  ],
  examples: [
    { line: 'show 0192f0c1-0000-7000-8000-00000000000a', what: 'why a request was denied' },
  ],
};

export const logLevel: Noun = {
  name: 'log-level',
  one: 'log level',
  what: 'What the replica that answers writes into its log.',
  inZone: false,
  calledBy: null,
  columns: [],
  fields: [],
  filters: [],
  verbs: {},
  actions: [
    {
      words: 'show',
      what: 'Shows what is logged.',
      args: [],
      examples: [{ line: '', what: 'now' }],
      run: async (context) => context.print(await context.api.get('log-level')),
    },
    {
      words: 'set',
      what: 'Changes what is logged: for a while, or until it is changed again or the process ends.',
      args: [{ name: 'level', what: LOG_LEVELS.join(', ') }],
      options: [{ flags: '--for <seconds>', what: 'after which the level of LOG_LEVEL is back' }],
      examples: [{ line: 'debug --for 300', what: 'for five minutes' }],
      async run(context, { args: [level = ''], options }) {
        const { for: seconds } = options;
        const body = { level, ...(seconds === undefined ? {} : { for_seconds: Number(seconds) }) };
        await context.print(await context.api.request('PUT', 'log-level', { body }));
      },
    },
  ],
  examples: [{ line: 'set debug --for 300', what: 'more, for five minutes' }],
};
