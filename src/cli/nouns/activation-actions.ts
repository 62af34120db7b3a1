import { isObject } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import type { Action } from './noun.js';
import { SET, VERSION, setVersionOf } from './policy-set-versions.js';
import { numberOf } from './replay-actions.js';

/** The path of what decides in the zone. @param below what follows it */
export const policyPath = async (context: CommandContext, below = ''): Promise<string> =>
  `zones/${await context.zone()}/policy${below}`;

/** Which version of a policy set decides, and what one would decide. */
export const activationActions: readonly Action[] = [
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

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) || Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw new CommandFailure(EXIT.usage, '--input holds neither a JSON object nor a list of them');
}
