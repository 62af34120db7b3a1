import { confirm } from '../verbs/delete.js';
import type { Action, Noun } from './noun.js';
import { operatorKeys, ownKeys } from './operator-key-actions.js';

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
    ...operatorKeys,
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
