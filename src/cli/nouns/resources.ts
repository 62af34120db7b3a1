import { ZONE_ALGS } from '../../oauth/algorithms.js';
import { MANDATE_TYPS } from '../../oauth/vocabulary.js';
import type { Noun } from './noun.js';

export const resources: Noun = {
  name: 'resources',
  one: 'resource',
  what: 'What is protected: APIs, called by their identifiers, and the scopes that can be granted for them.',
  inZone: true,
  calledBy: 'identifier',
  columns: [
    { member: 'identifier' },
    { member: 'id', whole: true },
    { member: 'display_name' },
    { member: 'scopes' },
    { member: 'access' },
  ],
  fields: [
    {
      flags: '--scope <scope>',
      member: 'scopes',
      kind: 'list',
      what: 'what can be granted for it',
    },
    {
      flags: '--display-name <name>',
      member: 'display_name',
      kind: 'text',
      what: 'what people know it as',
    },
    {
      flags: '--description <text>',
      member: 'description',
      kind: 'text',
      what: 'what it is, for them',
    },
    {
      flags: '--upstream-url <url>',
      member: 'upstream_url',
      kind: 'text',
      what: 'where a gateway finds it',
    },
    {
      flags: '--owner <client>',
      member: 'owner_client_id',
      kind: 'text',
      refersTo: 'clients',
      what: 'the client that it is',
    },
    {
      flags: '--access <who>',
      member: 'access',
      kind: 'text',
      choices: ['direct', 'gateway'],
      what: 'who may ask for mandates for it',
    },
    {
      flags: '--signing-alg <alg>',
      member: 'signing_alg',
      kind: 'text',
      choices: ZONE_ALGS,
      what: 'what mandates for it are signed with',
    },
    {
      flags: '--token-typ <typ>',
      member: 'token_typ',
      kind: 'text',
      choices: MANDATE_TYPS,
      what: 'the typ of mandates for it',
    },
    {
      flags: '--revocation <channel>',
      member: 'revocation',
      kind: 'text',
      choices: ['introspect', 'status_list', 'feed', 'expiry'],
      what: 'how its verifiers learn that a mandate was taken back',
    },
    {
      flags: '--listed',
      member: 'listed',
      kind: 'flag',
      what: 'the metadata of the zone names it',
    },
    {
      flags: '--introspected-by <client>',
      member: 'introspection_client_ids',
      kind: 'list',
      refersTo: 'clients',
      what: 'a client that may introspect mandates for it',
    },
  ],
  filters: [
    {
      flags: '--search <text>',
      parameter: 'search',
      what: 'those with this in their identifier, name or description',
    },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  actions: [],
  examples: [
    {
      line: 'create https://orders.example --zone prod --scope orders:read',
      what: 'a new resource',
    },
    {
      line: 'update https://orders.example --zone prod --add scopes=orders:write',
      what: 'one more scope, without an outage',
    },
    { line: 'list --zone prod --search orders', what: 'those that are about orders' },
    { line: 'delete https://orders.example --zone prod --dry-run', what: 'what hangs on it' },
  ],
};
