import { LANGUAGES } from '../../zones/languages.js';
import { ISSUER_MODES } from '../../zones/zone-issuer.js';
import type { Noun } from './noun.js';

export const zones: Noun = {
  name: 'zones',
  one: 'zone',
  what: 'Units of isolation, each with keys, an issuer, resources, clients and a policy of its own.',
  inZone: false,
  calledBy: 'name',
  columns: [
    { member: 'name' },
    { member: 'id', whole: true },
    { member: 'display_name' },
    { member: 'issuer' },
    { member: 'created_at' },
  ],
  fields: [
    { flags: '--name <name>', member: 'name', kind: 'text', only: 'update', what: 'another name' },
    {
      flags: '--display-name <name>',
      member: 'display_name',
      kind: 'text',
      what: 'the organisation, as people know it',
    },
    {
      flags: '--language <tag>',
      member: 'languages',
      kind: 'list',
      choices: LANGUAGES,
      what: 'the languages of its pages for people, the preferred one first',
    },
    {
      flags: '--description <text>',
      member: 'description',
      kind: 'text',
      what: 'what it is for, for operators',
    },
    { flags: '--protected', member: 'protected', kind: 'flag', what: 'it cannot be deleted' },
    {
      flags: '--issuer-mode <mode>',
      member: 'issuer_mode',
      kind: 'text',
      choices: ISSUER_MODES,
      what: 'whom its mandates are from',
    },
    {
      flags: '--issuer-url <url>',
      member: 'issuer_url',
      kind: 'text',
      what: 'the issuer where the mode is own',
    },
    {
      flags: '--default-resource <identifier>',
      member: 'default_resources',
      kind: 'list',
      what: 'what requests are for that name no resource',
    },
    {
      flags: '--introspection-audit <which>',
      member: 'introspection_audit',
      kind: 'text',
      choices: ['none', 'refused', 'all'],
      what: 'which introspections are recorded',
    },
    {
      flags: '--legal-hold',
      member: 'legal_hold',
      kind: 'flag',
      only: 'update',
      what: 'keep its audit log whole, and the zone with it',
    },
    {
      flags: '--retention <days>',
      member: 'retention',
      kind: 'number',
      what: 'keep its audit log for so many days at least',
    },
    {
      flags: '--policy-max-changes <n>',
      member: 'policy_max_changes',
      kind: 'number',
      what: 'let an activation change so many recorded decisions at most',
    },
  ],
  filters: [
    {
      flags: '--search <text>',
      parameter: 'search',
      what: 'those with this in their name or description',
    },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  actions: [],
  examples: [
    { line: 'create prod --display-name "Example Ltd"', what: 'a new zone' },
    { line: 'list', what: 'all zones' },
    { line: 'show prod --json', what: 'one of them, for programs' },
    {
      line: 'update prod --set display_name="Example plc"',
      what: 'any member by its name in the API',
    },
    { line: 'delete prod --dry-run', what: 'what hangs on it' },
  ],
};
