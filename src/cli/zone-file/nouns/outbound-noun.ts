import { z } from 'zod';
import { OUTBOUND_TARGETS } from '../../../platform/outbound/outbound-policy.js';
import type { Field, Noun } from '../field.js';
import { line } from './values.js';

const list = (element: z.ZodType, what: string): Field => ({
  type: z.array(element).max(50).describe(`${what}; all if it is empty.`),
  absent: [],
  unordered: true,
});

const block = (what: string): Field => ({
  type: z.boolean().describe(`Whether ${what} are refused.`),
  absent: true,
});

/** What requests to others may go to. */
export const OUTBOUND_POLICIES: Noun = {
  section: 'outbound_policies',
  title: 'outbound policy',
  path: 'outbound-policies',
  key: 'name',
  change: 'patch',
  description:
    'What the requests of the zone to others may go to: each takes away from what the installation allows.',
  fields: {
    name: { type: line().describe('Unique in the zone.'), absent: null },
    target: {
      type: z
        .enum(OUTBOUND_TARGETS)
        .describe('The kind of requests, one policy for each. It does not change.'),
      required: true,
      absent: null,
    },
    enabled: { type: z.boolean().describe('Whether it counts.'), absent: true },
    allowed_host_patterns: list(
      z.string().max(300),
      'The hosts: names in lower case, `*.example.com` for every name below',
    ),
    allowed_path_patterns: list(z.string().max(500), 'The paths; `*` stands for any text'),
    allowed_ports: list(z.int().min(1).max(65_535), 'The ports'),
    allowed_schemes: list(z.enum(['https', 'http']), 'The schemes'),
    block_private_ips: block('addresses of private networks'),
    block_loopback_ips: block('addresses of the machine itself'),
    block_localhost_names: block('names that mean it, such as `localhost`,'),
    request_timeout_seconds: {
      type: z.int().min(1).max(30).describe('Seconds for a whole request.'),
      absent: null,
    },
    max_response_bytes: {
      type: z.int().min(1024).max(1_048_576).describe('Bytes of an answer that are read.'),
      absent: null,
    },
  },
};
