import { z } from 'zod';
import { ZONE_ALGS } from '../../../oauth/algorithms.js';
import {
  MAX_TEXT,
  MEMBER_KINDS,
  NARROWINGS,
} from '../../../oauth/authorization-details/detail-type.js';
import { MANDATE_TYPS } from '../../../oauth/vocabulary.js';
import type { Noun } from '../field.js';
import { identifier, line, scopeToken } from './values.js';

const operation = z.strictObject({
  method: z.string().regex(/^[A-Z]{1,32}$/, 'must be an HTTP method in upper case'),
  path: z
    .string()
    .regex(/^\/[A-Za-z0-9\-._~!$&'()*+,=:@{}/]{0,500}$/, 'must be absolute, without query')
    .describe('A segment in braces, such as `{id}`, stands for any one segment.'),
  scope: scopeToken().describe('The scope that it takes.'),
});

const scopeDescription = z.strictObject({ scope: scopeToken(), description: line() });

const member = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'must be a letter, then letters, digits, _ and -'),
  value: z.enum(MEMBER_KINDS).describe('What it is; a `decimal` is a number in a text.'),
  required: z.boolean().optional().describe('Whether every detail of the type has it.'),
  narrows: z
    .enum(NARROWINGS)
    .optional()
    .describe('How it may differ from what it is narrowed from.'),
  one_of: z
    .array(z.string().min(1).max(200))
    .max(100)
    .optional()
    .describe('The texts that it can be; any if absent.'),
  max_length: z.int().min(1).max(MAX_TEXT).optional().describe('The most characters of a text.'),
  private: z
    .boolean()
    .optional()
    .describe('Whether its value is kept from policy and from the audit log.'),
  get members() {
    return z.array(member).max(100).optional().describe('Those of an object.');
  },
});

const detailType = z.strictObject({
  type: z
    .string()
    .regex(
      /^[\x21\x23-\x5B\x5D-\x7E]{1,100}$/,
      'must be printable ASCII without space, quotes and backslashes',
    )
    .describe('As requests name it.'),
  display: line()
    .optional()
    .describe('A sentence for people who confirm: `Pay {amount} to {creditor.name}`.'),
  scope: scopeToken()
    .optional()
    .describe('The scope without which nobody can ask for a detail of this type.'),
  members: z.array(member).max(100).describe('What its details consist of.'),
});

/** What is protected. */
export const RESOURCES: Noun = {
  section: 'resources',
  title: 'resource',
  path: 'resources',
  key: 'identifier',
  change: 'patch',
  description: 'What is protected: mandates are for one of these or several.',
  fields: {
    identifier: {
      type: identifier().describe(
        'An absolute URI, compared byte for byte. Another identifier is another resource.',
      ),
      absent: null,
    },
    scopes: {
      type: z.array(scopeToken()).max(200).describe('What can be granted for it.'),
      required: true,
      absent: [],
      unordered: true,
    },
    display_name: {
      type: line().describe('What people who confirm requests know it as.'),
      absent: null,
    },
    description: { type: line().describe('What it is, for them.'), absent: null },
    scope_descriptions: {
      type: z
        .array(scopeDescription)
        .max(200)
        .describe('What its scopes allow, in words for them; each scope once.'),
      absent: [],
      unordered: true,
    },
    authorization_details_types: {
      type: z
        .array(detailType)
        .max(20)
        .describe('The types of authorization details that can be granted for it (RFC 9396).'),
      absent: [],
    },
    upstream_url: { type: z.url().describe('Where a gateway finds it.'), absent: null },
    owner: {
      type: line().describe('The client that it is, by name.'),
      member: 'owner_client_id',
      refersTo: 'clients',
      byId: true,
      absent: null,
    },
    operations: {
      type: z
        .array(operation)
        .max(500)
        .describe('What can be done with it through a gateway; anything if it is empty.'),
      absent: [],
    },
    access: {
      type: z.enum(['direct', 'gateway']).describe('Who may ask for mandates for it.'),
      absent: 'direct',
    },
    signing_alg: {
      type: z
        .enum(ZONE_ALGS)
        .describe('What mandates for it are signed with, if not as the zone signs.'),
      absent: null,
    },
    token_typ: {
      type: z.enum(MANDATE_TYPS).describe('The `typ` of mandates for it.'),
      absent: 'at+jwt',
    },
    revocation: {
      type: z
        .enum(['introspect', 'status_list', 'feed', 'expiry'])
        .describe('How its verifiers learn that a mandate was taken back.'),
      absent: null,
    },
    listed: {
      type: z.boolean().describe('Whether the metadata of the zone names it (RFC 9728 4).'),
      absent: false,
    },
    introspection_clients: {
      type: z
        .array(line())
        .max(100)
        .describe('The clients that may introspect mandates for it, beside its owner, by name.'),
      member: 'introspection_client_ids',
      refersTo: 'clients',
      byId: true,
      unordered: true,
      absent: [],
    },
  },
};
