import { listOf, objectOf, textOf } from '../api/json.js';
import type { JsonObject } from '../../oauth/strict-json.js';
import { isUuid } from '../../oauth/vocabulary.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import type { Action } from './noun.js';

/** The argument that names a policy set. */
export const SET = { name: 'policy-set', what: 'its name or id', of: 'policy-sets' } as const;

/** The option that names a version of it. */
export const VERSION = {
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

/** The id of the version of a policy set that is meant. */
export async function setVersionOf(
  context: CommandContext,
  set = '',
  wanted: unknown,
): Promise<string> {
  const path = `${await context.pathOf('policy-sets', set)}/versions`;
  return textOf(await versionOf(context, path, wanted), 'id');
}

/** What can be done with the versions of a policy set. */
export const versions: readonly Action[] = [
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
