import { z } from 'zod';
import { SIGNING_ALGS } from '../../../oauth/algorithms.js';
import { ISSUER_TOKEN_TYPES } from '../../../zones/issuers/trusted-issuer.js';
import type { Noun } from '../field.js';
import { canonicalKeySet, issuerName, keySet, line, secretFrom } from './values.js';

const { env, file } = secretFrom();

/** Who is believed. */
export const ISSUERS: Noun = {
  section: 'issuers',
  title: 'issuer',
  path: 'issuers',
  key: 'issuer',
  change: 'put',
  description: 'Whose tokens the zone believes.',
  fields: {
    issuer: {
      type: issuerName().describe(
        'Exactly what its tokens have in `iss`. Another is another issuer.',
      ),
      absent: null,
    },
    jwks: {
      type: keySet().describe('Its public keys (RFC 7517 5), 10 at most.'),
      absent: null,
      canonical: canonicalKeySet,
      letGo: true,
    },
    jwks_uri: {
      type: z.url().describe('Where it publishes them, instead.'),
      absent: null,
      letGo: true,
    },
    audiences: {
      type: z
        .array(line())
        .max(50)
        .describe(
          'What its subject tokens may have in `aud`; `${issuer}` stands for the issuer of the zone.',
        ),
      absent: [],
      unordered: true,
      mayBeIssuer: true,
    },
    algorithms: {
      type: z.array(z.enum(SIGNING_ALGS)).min(1).describe('What it signs with.'),
      absent: [...SIGNING_ALGS].toSorted(),
      unordered: true,
    },
    token_types: {
      type: z.array(z.enum(ISSUER_TOKEN_TYPES)).min(1).describe('What its tokens may be used as.'),
      required: true,
      absent: [],
      unordered: true,
    },
    claim_conditions: {
      type: z
        .record(z.string().min(1).max(200), z.array(z.union([z.string(), z.number(), z.boolean()])))
        .describe('By claim, the values of which its tokens must have one.'),
      absent: {},
    },
    subject_claim: { type: line().describe('The claim that becomes `sub`.'), absent: 'sub' },
    label_claims: {
      type: z.array(line()).max(20).describe('The claims that policies see as labels of the user.'),
      absent: [],
      unordered: true,
    },
    allowed_clients: {
      type: z
        .array(line())
        .max(1000)
        .describe('The clients that may present its tokens, by name; all if it is empty.'),
      member: 'allowed_client_ids',
      refersTo: 'clients',
      byId: true,
      unordered: true,
      absent: [],
    },
    max_age_seconds: {
      type: z
        .int()
        .min(1)
        .max(31_536_000)
        .describe('Seconds since `iat` after which its tokens are refused.'),
      absent: null,
    },
    ssf_poll_url: {
      type: z.url().describe('Where its shared signals are fetched (RFC 8936).'),
      absent: null,
    },
    ssf_poll_token: {
      type: z
        .union([z.strictObject({ env }), z.strictObject({ file })])
        .describe(
          'Where the bearer token for that comes from. Set where the issuer has none, or another `ssf_poll_url`.',
        ),
      absent: null,
      secret: true,
    },
  },
};
