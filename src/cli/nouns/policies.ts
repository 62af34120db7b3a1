import type { Action, Noun } from './noun.js';

const POLICY = { name: 'policy', what: 'its name or id', of: 'policies' } as const;

const VERSIONS = [
  { member: 'version' },
  { member: 'id', whole: true },
  { member: 'author' },
  { member: 'sha256' },
  { member: 'created_at' },
] as const;

const versions: readonly Action[] = [
  {
    words: 'versions list',
    what: 'Lists the versions of a policy, the oldest first.',
    args: [POLICY],
    examples: [{ line: 'orders --zone prod', what: 'how it came to be' }],
    run: async (context, { args: [policy = ''] }) =>
      context.printList(`${await context.pathOf('policies', policy)}/versions`, VERSIONS),
  },
  {
    words: 'versions show',
    what: 'Shows a version of a policy, with its text.',
    args: [POLICY, { name: 'version', what: 'its id' }],
    examples: [
      {
        line: 'orders 0192f0c1-0000-7000-8000-00000000000a --zone prod --json | jq -r .content',
        what: 'its text',
      },
    ],
    run: async (context, { args: [policy = '', version = ''] }) =>
      context.print(
        await context.api.get(
          `${await context.pathOf('policies', policy)}/versions/${encodeURIComponent(version)}`,
        ),
      ),
  },
  {
    words: 'versions add',
    what: 'Gives a policy another text: a new version, since one is never changed. It decides when a set with it is activated.',
    args: [POLICY],
    options: [
      { flags: '--file <file>', what: 'the text, Cedar; - is the standard input', required: true },
      { flags: '--author <name>', what: 'who wrote it' },
    ],
    examples: [{ line: 'orders --zone prod --file orders.cedar', what: 'a correction' }],
    async run(context, { args: [policy = ''], options }) {
      const path = await context.pathOf('policies', policy);
      const { file, author } = options;
      const body = {
        content: await context.read(String(file)),
        ...(typeof author === 'string' ? { author } : {}),
      };
      await context.print(await context.api.request('POST', `${path}/versions`, { body }));
    },
  },
];

const schema: readonly Action[] = [
  {
    words: 'schema show',
    what: 'Shows what a zone adds to the Cedar schema.',
    args: [],
    examples: [{ line: '--zone prod', what: 'the attributes that its policies may use' }],
    run: async (context) =>
      context.print(await context.api.get(`zones/${await context.zone()}/policy/schema`)),
  },
  {
    words: 'schema set',
    what: 'Says what a zone adds to the Cedar schema that its policies are validated against.',
    args: [],
    options: [
      { flags: '--file <file>', what: 'the extension; - is the standard input', required: true },
    ],
    examples: [{ line: '--zone prod --file extension.cedarschema', what: 'attributes of its own' }],
    async run(context, { options }) {
      const body = { extension: await context.read(String(options['file'])) };
      const path = `zones/${await context.zone()}/policy/schema`;
      await context.print(await context.api.request('PUT', path, { body }));
    },
  },
];

export const policies: Noun = {
  name: 'policies',
  one: 'policy',
  what: 'Who may do what, in Cedar. Each text is a version; what decides is a set of them (policy-sets).',
  inZone: true,
  calledBy: 'name',
  columns: [{ member: 'name' }, { member: 'id', whole: true }, { member: 'created_at' }],
  fields: [
    { flags: '--name <name>', member: 'name', kind: 'text', only: 'update', what: 'another name' },
    {
      flags: '--file <file>',
      member: 'content',
      kind: 'file',
      only: 'create',
      what: 'its text, Cedar; - is the standard input',
    },
    {
      flags: '--author <name>',
      member: 'author',
      kind: 'text',
      only: 'create',
      what: 'who wrote it',
    },
  ],
  filters: [
    { flags: '--search <text>', parameter: 'search', what: 'those with this in their name' },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  parts: {
    schema: 'What a zone adds to the schema that its policies are checked against.',
  },
  actions: [...versions, ...schema],
  examples: [
    { line: 'create orders --zone prod --file orders.cedar', what: 'a policy with its first text' },
    { line: 'versions add orders --zone prod --file orders.cedar', what: 'another text' },
    { line: 'list --zone prod', what: 'all of a zone' },
  ],
};
