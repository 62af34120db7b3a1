import { isObject, listOf, objectOf, textOf } from '../api/json.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import { isUuid } from '../../oauth/vocabulary.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import { advise } from './advise-action.js';
import type { Action, Noun } from './noun.js';
import { numberOf, replayActions } from './replay-actions.js';

const SET = { name: 'policy-set', what: 'its name or id', of: 'policy-sets' } as const;
const VERSION = {
  flags: '--version-id <version>',
  what: 'a version by its number or id; the latest if none is said',
} as const;

const VERSIONS = [
  { member: 'version' },
  { member: 'id', whole: true },
  { member: 'author' },
  { member: 'manifest_sha256' },
  { member: 'created_at' },
] as const;

/** The version of a policy or policy set that is meant: by number or id, or the latest. @param path that of its versions */
async function versionOf(
  context: CommandContext,
  path: string,
  wanted: unknown,
): Promise<JsonObject> {
  if (typeof wanted === 'string' && isUuid(wanted)) {
    return objectOf((await context.api.get(`${path}/${wanted}`)).body);
  }
  const versions: JsonObject[] = [];
  for await (const page of context.api.pages(path)) versions.push(...page);
  const found =
    wanted === undefined
      ? versions.toSorted((a, b) => Number(a['version']) - Number(b['version'])).at(-1)
      : versions.find((version) => version['version'] === Number(wanted));
  if (found !== undefined) return found;
  const which = wanted === undefined ? 'no version yet' : `no version ${JSON.stringify(wanted)}`;
  throw new CommandFailure(
    EXIT.missing,
    `it has ${which}`,
    'versions list shows those that there are',
  );
}

async function setVersionOf(context: CommandContext, set = '', wanted: unknown): Promise<string> {
  const path = `${await context.pathOf('policy-sets', set)}/versions`;
  return textOf(await versionOf(context, path, wanted), 'id');
}

const policyPath = async (context: CommandContext, below = ''): Promise<string> =>
  `zones/${await context.zone()}/policy${below}`;

const versions: readonly Action[] = [
  {
    words: 'versions list',
    what: 'Lists the versions of a policy set, the oldest first.',
    args: [SET],
    examples: [{ line: 'main --zone prod', what: 'what was put together so far' }],
    run: async (context, { args: [set = ''] }) =>
      context.printList(`${await context.pathOf('policy-sets', set)}/versions`, VERSIONS),
  },
  {
    words: 'versions show',
    what: 'Shows a version of a policy set, with the policy versions in it.',
    args: [SET],
    options: [VERSION],
    examples: [{ line: 'main --zone prod --version-id 3', what: 'the third' }],
    async run(context, { args: [set = ''], options }) {
      const path = `${await context.pathOf('policy-sets', set)}/versions`;
      const id = textOf(await versionOf(context, path, options['versionId']), 'id');
      await context.print(await context.api.get(`${path}/${id}`));
    },
  },
  {
    words: 'versions add',
    what: 'Puts policies together to a version of a set. It decides when it is activated.',
    args: [SET],
    options: [
      {
        flags: '--policy <policy>',
        what: 'a policy by its name or id, in its latest version, or in that of NAME@NUMBER',
        several: true,
        required: true,
      },
      { flags: '--author <name>', what: 'who put it together' },
    ],
    examples: [
      {
        line: 'main --zone prod --policy orders --policy payments@2',
        what: 'the latest of one and the second of another',
      },
    ],
    async run(context, { args: [set = ''], options }) {
      const path = `${await context.pathOf('policy-sets', set)}/versions`;
      const ids: string[] = [];
      for (const each of listOf(options['policy']).map(String)) {
        const [, name = each, number] = /^(.*)@(\d+)$/.exec(each) ?? [];
        const below = `${await context.pathOf('policies', name)}/versions`;
        ids.push(textOf(await versionOf(context, below, number), 'id'));
      }
      const { author } = options;
      const body = { policy_version_ids: ids, ...(typeof author === 'string' ? { author } : {}) };
      await context.print(await context.api.request('POST', path, { body }));
    },
  },
];

const activation: readonly Action[] = [
  {
    words: 'active',
    what: 'Shows which version of a policy set decides in a zone.',
    args: [],
    examples: [{ line: '--zone prod', what: 'what decides now' }],
    run: async (context) => context.print(await context.api.get(await policyPath(context))),
  },
  {
    words: 'activate',
    what: 'Lets a version of a set decide in its zone, from the next request on.',
    args: [SET],
    options: [
      VERSION,
      {
        flags: '--if-match <etag>',
        what: 'only if what decides now is still what has this ETag; otherwise what is read before',
      },
      {
        flags: '--max-changes <n>',
        what: 'only if a replay of the last day has found no more decisions that would be other ones',
      },
    ],
    examples: [
      { line: 'main --zone prod', what: 'the latest version' },
      { line: 'main --zone prod --max-changes 0', what: 'if nobody would feel it' },
      { line: 'main --zone prod --version-id 2', what: 'back to the second' },
    ],
    async run(context, { args: [set], options }) {
      const { versionId, ifMatch, maxChanges } = options;
      const path = await policyPath(context);
      const { etag } = await context.api.get(path);
      const body = {
        policy_set_version_id: await setVersionOf(context, set, versionId),
        ...(maxChanges === undefined ? {} : { max_changes: numberOf('--max-changes', maxChanges) }),
      };
      const tag = typeof ifMatch === 'string' ? ifMatch : (etag ?? undefined);
      await context.print(await context.api.request('PUT', path, { body, ifMatch: tag }));
    },
  },
  {
    words: 'status',
    what: 'Shows by which version of a policy set the replica that answers decides.',
    args: [],
    examples: [{ line: '--zone prod', what: 'whether it has loaded what is active' }],
    run: async (context) =>
      context.print(await context.api.get(`policy/status/${await context.zone()}`)),
  },
  {
    words: 'simulate',
    what: 'Says what a version of a set would decide on an input, or on each of several, and why. Nothing is changed.',
    args: [SET],
    options: [
      VERSION,
      {
        flags: '--input <file>',
        what: 'JSON: one input, or a list of them; - is the standard input',
        required: true,
      },
    ],
    examples: [
      {
        line: 'main --zone prod --input input.json --json',
        what: 'as the decision log has it in "input"',
      },
    ],
    async run(context, { args: [set], options }) {
      const version_id = await setVersionOf(context, set, options['versionId']);
      const text = await context.read(String(options['input']));
      const input = parse(text);
      const body = { version_id, ...(Array.isArray(input) ? { inputs: input } : { input }) };
      await context.print(await context.api.request('POST', 'policy/simulate', { body }));
    },
  },
];

const shadow: readonly Action[] = [
  {
    words: 'shadow show',
    what: 'Shows what the candidate that is tried would have decided otherwise, and for whom.',
    args: [],
    examples: [{ line: '--zone prod', what: 'before it is activated' }],
    run: async (context) =>
      context.print(await context.api.get(await policyPath(context, '/shadow'))),
  },
  {
    words: 'shadow try',
    what: 'Tries a version of a set on live requests. It decides nothing.',
    args: [SET],
    options: [VERSION],
    examples: [{ line: 'main --zone prod', what: 'the latest version' }],
    async run(context, { args: [set], options }) {
      const body = {
        policy_set_version_id: await setVersionOf(context, set, options['versionId']),
      };
      await context.print(
        await context.api.request('PUT', await policyPath(context, '/shadow'), { body }),
      );
    },
  },
  {
    words: 'shadow stop',
    what: 'Stops trying the candidate.',
    args: [],
    examples: [{ line: '--zone prod', what: 'enough was seen' }],
    async run(context) {
      await context.api.request('DELETE', await policyPath(context, '/shadow'));
      context.say('no candidate is tried');
    },
  },
];

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) || Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw new CommandFailure(EXIT.usage, '--input holds neither a JSON object nor a list of them');
}

export const policySets: Noun = {
  name: 'policy-sets',
  one: 'policy set',
  what: 'Policies put together, of which one version decides in a zone.',
  inZone: true,
  calledBy: 'name',
  columns: [{ member: 'name' }, { member: 'id', whole: true }, { member: 'created_at' }],
  fields: [
    { flags: '--name <name>', member: 'name', kind: 'text', only: 'update', what: 'another name' },
  ],
  filters: [
    { flags: '--search <text>', parameter: 'search', what: 'those with this in their name' },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  parts: {
    shadow: 'A version that is tried on live requests, beside the one that decides.',
    replay: 'Recorded decisions of the last days, made again by a version of a set.',
  },
  actions: [
    ...versions,
    ...activation,
    ...shadow,
    ...replayActions(SET, VERSION, setVersionOf),
    advise,
  ],
  examples: [
    { line: 'create main --zone prod', what: 'a set' },
    { line: 'versions add main --zone prod --policy orders', what: 'what is in it' },
    { line: 'activate main --zone prod', what: 'it decides from now on' },
  ],
};
