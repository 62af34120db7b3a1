import type { CommandContext } from '../context.js';
import { hintAtSecrets } from '../verbs/create.js';
import { confirm, removeAt } from '../verbs/delete.js';
import { bodyOf } from '../verbs/said.js';
import type { Column } from '../print/things.js';
import type { Action, Field, Noun } from './noun.js';

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

const keys: readonly Action[] = [
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

const ownKeys: readonly Action[] = [
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

const adminToken: readonly Action[] = [
  {
    words: 'admin-token show',
    what: 'Shows whether whoever holds ADMIN_TOKEN may come in.',
    args: [],
    examples: [{ line: '', what: 'is it closed?' }],
    run: async (context) => context.print(await context.api.get('operators/admin-token')),
  },
  {
    words: 'admin-token close',
    what: 'Lets nobody in any more who holds ADMIN_TOKEN, at any replica. A named owner has to ask.',
    args: [],
    options: [{ flags: '-y, --yes', what: 'do not ask' }],
    examples: [{ line: '--token-file owner-key', what: 'once the owners have keys of their own' }],
    async run(context, { options }) {
      if (options['yes'] !== true) await confirm(context, 'Let nobody in by ADMIN_TOKEN any more?');
      await context.print(await context.api.request('POST', 'operators/admin-token/close'));
    },
  },
];

export const operators: Noun = {
  name: 'operators',
  one: 'operator',
  what: 'Those who administer, each with a role, with zones and with keys of its own.',
  inZone: false,
  calledBy: 'name',
  columns: [
    { member: 'name' },
    { member: 'id', whole: true },
    { member: 'role' },
    { member: 'zones' },
    { member: 'disabled' },
    { member: 'description' },
  ],
  fields: [
    { flags: '--name <name>', member: 'name', kind: 'text', only: 'update', what: 'another name' },
    {
      flags: '--description <text>',
      member: 'description',
      kind: 'text',
      what: 'what it is, for other operators',
    },
    {
      flags: '--role <role>',
      member: 'role',
      kind: 'text',
      choices: ['owner', 'operator', 'security', 'auditor', 'support', 'login-app'],
      what: 'what it may do',
    },
    {
      flags: '--only-zone <zone>',
      member: 'zones',
      kind: 'list',
      refersTo: 'zones',
      what: 'a zone that it may see, by name or id; all if none is said',
    },
    {
      flags: '--disabled',
      member: 'disabled',
      kind: 'flag',
      only: 'update',
      what: 'none of its keys lets anybody in',
    },
  ],
  filters: [
    {
      flags: '--search <text>',
      parameter: 'search',
      what: 'those with this in their name or description',
    },
    { flags: '--role <role>', parameter: 'role', what: 'those of this role' },
    {
      flags: '--disabled <yes>',
      parameter: 'disabled',
      choices: ['true', 'false'],
      what: 'those that are disabled, or not',
    },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  parts: {
    'own-keys': 'The keys of whoever asks: the ones that one draws for oneself, and has had alone.',
    'admin-token': 'Whether ADMIN_TOKEN lets anybody in.',
  },
  actions: [
    {
      words: 'me',
      what: 'Shows who asks, and all that this operator may do.',
      args: [],
      examples: [{ line: '', what: 'what may I do?' }],
      run: async (context) => context.print(await context.api.get('operators/me')),
    },
    ...keys,
    ...ownKeys,
    ...adminToken,
  ],
  examples: [
    { line: 'create ada --role operator --only-zone prod', what: 'who may work in one zone' },
    { line: 'keys add ada --description laptop', what: 'a key for her, printed this once' },
    { line: 'own-keys add --description laptop', what: 'a key of mine that nobody else has had' },
    { line: 'me', what: 'who am I, and what may I do?' },
  ],
};
