import type { CommandContext } from '../context.js';
import { hintAtSecrets } from '../verbs/create.js';
import { removeAt } from '../verbs/delete.js';
import { bodyOf } from '../verbs/said.js';
import type { Column } from '../print/things.js';
import type { Action, Field } from './noun.js';

const OPERATOR = { name: 'operator', what: 'its name or id', of: 'operators' } as const;

const KEY: readonly Field[] = [
  {
    flags: '--description <text>',
    member: 'description',
    kind: 'text',
    what: 'where it is kept, or what it is for',
  },
  {
    flags: '--expires-at <instant>',
    member: 'expires_at',
    kind: 'text',
    what: 'when it stops being good',
  },
  {
    flags: '--address <network>',
    member: 'addresses',
    kind: 'list',
    what: 'a network that it may be used from, such as 10.1.0.0/16',
  },
];

const KEY_OPTIONS = KEY.map(({ flags, what, kind }) => ({
  flags,
  what,
  ...(kind === 'list' ? { several: true as const } : {}),
}));

const REVOKE_OPTIONS = [
  { flags: '-y, --yes', what: 'do not ask' },
  { flags: '--dry-run', what: 'only say what would be revoked' },
];

const KEY_COLUMNS: readonly Column[] = [
  { member: 'id', whole: true },
  { member: 'description' },
  { member: 'addresses' },
  { member: 'drawn_with' },
  { member: 'expires_at' },
  { member: 'last_used_at' },
];

const keysOf = async (context: CommandContext, operator = ''): Promise<string> =>
  `${await context.pathOf('operators', operator)}/keys`;

/** What can be done with the keys of an operator, by another one. */
export const operatorKeys: readonly Action[] = [
  {
    words: 'keys list',
    what: 'Lists the keys of an operator that were not revoked; never the keys themselves.',
    args: [OPERATOR],
    examples: [{ line: 'ada', what: 'which keys Ada has, and when they were used' }],
    run: async (context, { args: [operator] }) =>
      context.printList(await keysOf(context, operator), KEY_COLUMNS),
  },
  {
    words: 'keys add',
    what: 'Draws a key for an operator, and prints it this once. Several may live side by side while one is changed.',
    args: [OPERATOR],
    options: KEY_OPTIONS,
    examples: [
      {
        line: 'ada --description laptop --expires-at 2027-01-01T00:00:00Z',
        what: 'a key for a year',
      },
      {
        line: 'ci --address 10.1.0.0/16 --json | jq -r .key > ci-key',
        what: 'one for a program, into a file',
      },
    ],
    async run(context, { args: [operator], options }) {
      const body = await bodyOf(context, KEY, options, null);
      const answer = await context.api.request('POST', await keysOf(context, operator), { body });
      await context.print(answer);
      hintAtSecrets(context, answer.body);
    },
  },
  {
    words: 'keys revoke',
    what: 'Revokes a key of an operator, at once and at all replicas.',
    args: [OPERATOR, { name: 'key', what: 'its id' }],
    options: REVOKE_OPTIONS,
    examples: [
      { line: 'ada 0192f0c1-0000-7000-8000-00000000000a', what: 'that of a laptop that was lost' },
    ],
    run: async (context, { args: [operator, key = ''], options }) =>
      removeAt(
        context,
        `${await keysOf(context, operator)}/${encodeURIComponent(key)}`,
        `Revoke key ${key}`,
        options,
        true,
      ),
  },
];

const OWN_KEYS = 'operators/me/keys';

/** What can be done with the keys of whoever asks. */
export const ownKeys: readonly Action[] = [
  {
    words: 'own-keys list',
    what: 'Lists the keys of who asks that were not revoked; never the keys themselves.',
    args: [],
    examples: [{ line: '', what: 'which keys of mine are good, and when they were used' }],
    run: async (context) => context.printList(OWN_KEYS, KEY_COLUMNS),
  },
  {
    words: 'own-keys add',
    what: 'Draws a key for who asks, and prints it this once. It is good for no more than the key that is used.',
    args: [],
    options: KEY_OPTIONS,
    examples: [
      {
        line: '--description laptop --json | jq -r .key > own-key',
        what: 'the first thing to do with a key that somebody else drew',
      },
    ],
    async run(context, { options }) {
      const body = await bodyOf(context, KEY, options, null);
      const answer = await context.api.request('POST', OWN_KEYS, { body });
      await context.print(answer);
      hintAtSecrets(context, answer.body);
    },
  },
  {
    words: 'own-keys revoke',
    what: 'Revokes another key of who asks, and what was drawn with it; not the key that is used.',
    args: [{ name: 'key', what: 'its id' }],
    options: REVOKE_OPTIONS,
    examples: [
      { line: '0192f0c1-0000-7000-8000-00000000000a', what: 'the one whose place was taken' },
    ],
    run: async (context, { args: [key = ''], options }) =>
      removeAt(
        context,
        `${OWN_KEYS}/${encodeURIComponent(key)}`,
        `Revoke key ${key}`,
        options,
        true,
      ),
  },
];
