import type { CommandContext } from '../context.js';
import { hintAtSecrets } from '../verbs/create.js';
import { removeAt } from '../verbs/delete.js';
import type { Action, Noun } from './noun.js';

const secretsOf = async (context: CommandContext, client = ''): Promise<string> =>
  `${await context.pathOf('clients', client)}/secrets`;

const CLIENT = { name: 'client', what: 'its name or id', of: 'clients' } as const;

const secrets: readonly Action[] = [
  {
    words: 'secrets list',
    what: 'Lists the secrets of a client that are not revoked, without their values.',
    args: [CLIENT],
    examples: [{ line: 'billing --zone prod', what: 'which secrets billing has' }],
    run: async (context, { args: [client] }) =>
      context.printList(await secretsOf(context, client), [
        { member: 'id', whole: true },
        { member: 'imported' },
        { member: 'created_at' },
        { member: 'expires_at' },
      ]),
  },
  {
    words: 'secrets add',
    what: 'Gives a client a further secret, and prints it this once. Two may live side by side while one is changed.',
    args: [CLIENT],
    options: [
      { flags: '--expires-at <instant>', what: 'when it stops working' },
      {
        flags: '--secret-file <file>',
        what: 'a file with a secret that exists elsewhere already; - is the standard input',
      },
    ],
    examples: [
      {
        line: 'billing --zone prod --json | jq -r .client_secret',
        what: 'a new secret, drawn by the server',
      },
      {
        line: 'billing --zone prod --secret-file old-secret',
        what: 'one that billing has already',
      },
    ],
    async run(context, { args: [client], options }) {
      const { expiresAt, secretFile } = options;
      const body = {
        ...(typeof expiresAt === 'string' ? { expires_at: expiresAt } : {}),
        ...(typeof secretFile === 'string'
          ? { secret: (await context.read(secretFile)).trim() }
          : {}),
      };
      const answer = await context.api.request('POST', await secretsOf(context, client), { body });
      await context.print(answer);
      hintAtSecrets(context, answer.body);
    },
  },
  {
    words: 'secrets revoke',
    what: 'Revokes a secret of a client, at once and everywhere.',
    args: [CLIENT, { name: 'secret', what: 'its id' }],
    options: [
      { flags: '-y, --yes', what: 'do not ask' },
      { flags: '--dry-run', what: 'only say what would be revoked' },
    ],
    examples: [
      { line: 'billing 0192f0c1-0000-7000-8000-00000000000a --zone prod', what: 'an old one' },
    ],
    run: async (context, { args: [client, secret = ''], options }) =>
      removeAt(
        context,
        `${await secretsOf(context, client)}/${encodeURIComponent(secret)}`,
        `Revoke secret ${secret}`,
        options,
        true,
      ),
  },
];

export const clients: Noun = {
  name: 'clients',
  one: 'client',
  what: 'Services and agents that may ask for mandates, and how they authenticate.',
  inZone: true,
  acrossZones: true,
  calledBy: 'name',
  columns: [
    { member: 'name' },
    { member: 'id', whole: true },
    { member: 'auth_methods' },
    { member: 'labels' },
    { member: 'disabled' },
    { member: 'created_at' },
  ],
  fields: [
    { flags: '--name <name>', member: 'name', kind: 'text', only: 'update', what: 'another name' },
    {
      flags: '--description <text>',
      member: 'description',
      kind: 'text',
      what: 'what it is, for people who confirm its requests',
    },
    {
      flags: '--label <label>',
      member: 'labels',
      kind: 'list',
      what: 'what policies can tell clients apart by',
    },
    {
      flags: '--group <group>',
      member: 'groups',
      kind: 'list',
      what: 'a group that policies can name',
    },
    {
      flags: '--auth-method <method>',
      member: 'auth_methods',
      kind: 'list',
      what: 'how it may authenticate',
    },
    {
      flags: '--jwks <file>',
      member: 'jwks',
      kind: 'json-file',
      what: 'a file with its public keys',
    },
    {
      flags: '--jwks-uri <url>',
      member: 'jwks_uri',
      kind: 'text',
      what: 'where it publishes them',
    },
    {
      flags: '--default-resource <identifier>',
      member: 'default_resources',
      kind: 'list',
      what: 'what its requests are for that name no resource',
    },
    { flags: '--ssf', member: 'ssf', kind: 'flag', what: 'it may receive shared signals' },
    {
      flags: '--disabled',
      member: 'disabled',
      kind: 'flag',
      only: 'update',
      what: 'refuse it everywhere, at once',
    },
  ],
  filters: [
    {
      flags: '--search <text>',
      parameter: 'search',
      what: 'those with this in their name or description',
    },
    {
      flags: '--disabled <yes>',
      parameter: 'disabled',
      choices: ['true', 'false'],
      what: 'those that are disabled, or not',
    },
    { flags: '--label <label>', parameter: 'label', what: 'those with this label' },
    { flags: '--group <group>', parameter: 'group', what: 'those of this group' },
    {
      flags: '--auth-method <method>',
      parameter: 'auth_method',
      what: 'those that may authenticate so',
    },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  actions: secrets,
  examples: [
    {
      line: 'create billing --zone prod --label batch',
      what: 'a new client; its secret is printed this once',
    },
    { line: 'show billing --zone prod', what: 'one client' },
    { line: 'list --all-zones --search billing', what: 'in whichever zones they are' },
    { line: 'update billing --zone prod --disabled', what: 'refuse it from now on' },
    {
      line: 'update billing --zone prod --add labels=nightly',
      what: 'one more label, the others stay',
    },
    { line: 'secrets add billing --zone prod', what: 'a second secret, to change the first' },
  ],
};
