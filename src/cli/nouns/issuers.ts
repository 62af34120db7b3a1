import { SIGNING_ALGS } from '../../oauth/algorithms.js';
import type { Noun } from './noun.js';

export const issuers: Noun = {
  name: 'issuers',
  one: 'issuer',
  what: 'Issuers elsewhere whose tokens a zone believes: of people, and of workloads.',
  inZone: true,
  calledBy: 'issuer',
  columns: [
    { member: 'issuer' },
    { member: 'id', whole: true },
    { member: 'token_types' },
    { member: 'audiences' },
    { member: 'created_at' },
  ],
  fields: [
    {
      flags: '--token-type <type>',
      member: 'token_types',
      kind: 'list',
      choices: ['jwt', 'id_token', 'client_assertion'],
      what: 'what its tokens may be used as',
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
      flags: '--audience <audience>',
      member: 'audiences',
      kind: 'list',
      what: 'what its tokens may have in aud',
    },
    {
      flags: '--algorithm <alg>',
      member: 'algorithms',
      kind: 'list',
      choices: SIGNING_ALGS,
      what: 'what it signs with',
    },
    {
      flags: '--claim-conditions <json>',
      member: 'claim_conditions',
      kind: 'json',
      what: 'by claim, the values of which its tokens must have one',
    },
    {
      flags: '--subject-claim <claim>',
      member: 'subject_claim',
      kind: 'text',
      what: 'the claim that becomes sub',
    },
    {
      flags: '--label-claim <claim>',
      member: 'label_claims',
      kind: 'list',
      what: 'a claim that policies see as a label',
    },
    {
      flags: '--allowed-client <client>',
      member: 'allowed_client_ids',
      kind: 'list',
      refersTo: 'clients',
      what: 'a client that may present its tokens; all if none is said',
    },
    {
      flags: '--max-age <seconds>',
      member: 'max_age_seconds',
      kind: 'number',
      what: 'after which its tokens are refused',
    },
    {
      flags: '--ssf-poll-url <url>',
      member: 'ssf_poll_url',
      kind: 'text',
      what: 'where its shared signals are fetched',
    },
    {
      flags: '--ssf-poll-token-file <file>',
      member: 'ssf_poll_token',
      kind: 'file',
      what: 'a file with the bearer token for that',
    },
  ],
  filters: [
    { flags: '--search <text>', parameter: 'search', what: 'those with this in their identifier' },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  actions: [],
  examples: [
    {
      line: 'create https://login.example --zone prod --token-type id_token --audience web --jwks-uri https://login.example/jwks',
      what: 'believe an identity provider',
    },
    {
      line: 'update https://login.example --zone prod --add audiences=mobile',
      what: 'its tokens for one more app',
    },
  ],
};
