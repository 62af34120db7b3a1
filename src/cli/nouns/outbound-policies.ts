import type { Action, Noun } from './noun.js';

const TARGETS = ['webhook_delivery', 'jwks_fetch', 'ssf_delivery'] as const;

const ALIKE = {
  calledBy: 'name',
  columns: [
    { member: 'name' },
    { member: 'id', whole: true },
    { member: 'target' },
    { member: 'enabled' },
    { member: 'allowed_host_patterns', title: 'hosts' },
  ],
  fields: [
    { flags: '--name <name>', member: 'name', kind: 'text', only: 'update', what: 'another name' },
    {
      flags: '--target <kind>',
      member: 'target',
      kind: 'text',
      choices: TARGETS,
      only: 'create',
      what: 'the kind of requests',
    },
    {
      flags: '--host <pattern>',
      member: 'allowed_host_patterns',
      kind: 'list',
      what: 'a host, or *.example.com',
    },
    {
      flags: '--path <pattern>',
      member: 'allowed_path_patterns',
      kind: 'list',
      what: 'a path; * stands for any text',
    },
    { flags: '--enabled', member: 'enabled', kind: 'flag', what: 'it counts' },
    {
      flags: '--timeout <seconds>',
      member: 'request_timeout_seconds',
      kind: 'number',
      what: 'for a whole request',
    },
    {
      flags: '--max-bytes <n>',
      member: 'max_response_bytes',
      kind: 'number',
      what: 'of an answer that are read',
    },
  ],
  filters: [
    { flags: '--search <text>', parameter: 'search', what: 'those with this in their name' },
    {
      flags: '--target <kind>',
      parameter: 'target',
      choices: TARGETS,
      what: 'the one for this kind of requests',
    },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
} satisfies Partial<Noun>;

/** @param zone what examples say of the zone; nothing where it is that of the installation */
const tryOf = (noun: string, zone: '' | ' --zone prod'): Action => ({
  words: 'try',
  what: 'Says whether a request would be made, and why not. Nothing is sent.',
  args: [{ name: 'url', what: 'where it would go to' }],
  options: [
    { flags: '--target <kind>', what: 'the kind of request', choices: TARGETS, required: true },
  ],
  examples: [
    {
      line: `https://hooks.example/mandate${zone} --target webhook_delivery`,
      what: 'may it be told?',
    },
  ],
  async run(context, { args: [url = ''], options }) {
    const { path } = await context.collection(noun);
    const body = { url, target: String(options['target']) };
    await context.print(await context.api.request('POST', `${path}/try`, { body }));
  },
});

export const outboundPolicies: Noun = {
  name: 'outbound-policies',
  one: 'outbound policy',
  what: 'Where requests to others may go, one policy of a zone for each kind of them.',
  inZone: true,
  ...ALIKE,
  actions: [tryOf('outbound-policies', ' --zone prod')],
  examples: [
    {
      line: 'create hooks --zone prod --target webhook_delivery --host "*.example.com"',
      what: 'webhooks to there only',
    },
    { line: "update hooks --zone prod --set 'allowed_ports=[443]'", what: 'and to one port' },
  ],
};

export const installationOutboundPolicies: Noun = {
  name: 'installation-outbound-policies',
  one: 'outbound policy of the installation',
  what: 'Where requests to others may go from any zone, one policy for each kind of them.',
  inZone: false,
  path: 'outbound-policies',
  ...ALIKE,
  actions: [tryOf('installation-outbound-policies', '')],
  examples: [
    {
      line: 'create hooks --target webhook_delivery --host "*.example.com"',
      what: 'webhooks of all zones to there only',
    },
    { line: 'update hooks --no-enabled', what: 'not now' },
  ],
};
