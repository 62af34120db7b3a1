import { z } from 'zod';
import { DEFAULT_LANGUAGES, LANGUAGES } from '../../../zones/languages.js';
import { ISSUER_MODES } from '../../../zones/zone-issuer.js';
import type { Noun } from '../field.js';
import { canonicalLogo } from '../logo-file.js';
import { identifier, line } from './values.js';

/** The zone itself. */
export const ZONE: Noun = {
  section: 'zone',
  title: 'zone',
  path: '',
  key: 'name',
  change: 'patch',
  description: 'The zone: a unit of isolation with keys of its own.',
  fields: {
    name: {
      type: line().describe(
        'Unique among zones: what this file is about. Another name is another zone.',
      ),
      absent: null,
    },
    display_name: {
      type: line().describe(
        'The organisation, as people know it who are asked to confirm something.',
      ),
      absent: null,
    },
    languages: {
      type: z
        .array(z.enum(LANGUAGES))
        .min(1)
        .max(LANGUAGES.length)
        .refine((tags) => new Set(tags).size === tags.length, 'must not have one twice')
        .meta({ uniqueItems: true })
        .describe('The languages of its pages for people (BCP 47), the preferred one first.'),
      absent: [...DEFAULT_LANGUAGES],
    },
    description: { type: line().describe('What it is for, in words for operators.'), absent: null },
    logo: {
      type: z
        .strictObject({
          file: z.string().min(1).describe('The PNG file, relative to the zone file.'),
        })
        .nullable()
        .describe(
          'Its logo, which pages show to people who confirm; `null` for none. Stays as it is where the file does not say.',
        ),
      member: 'logo_uri',
      absent: null,
      canonical: canonicalLogo,
      stays: true,
    },
    issuer_mode: {
      type: z
        .enum(ISSUER_MODES)
        .describe(
          'Who its mandates are from: the zone below ISSUER_URL, a host of its own, or ISSUER_URL.',
        ),
      absent: 'zone',
    },
    issuer_url: {
      type: z.url().describe('The issuer where the mode is `own`; unique among zones.'),
      absent: null,
      letGo: true,
    },
    default_resources: {
      type: z
        .array(identifier())
        .max(20)
        .describe('What requests are for that name no resource, by identifier (RFC 8707 2).'),
      absent: [],
      refersTo: 'resources',
      notAtFirst: true,
    },
    introspection_audit: {
      type: z
        .enum(['none', 'refused', 'all'])
        .describe('Which introspections are recorded in the audit log.'),
      absent: 'none',
    },
    retention: {
      type: z
        .int()
        .min(1)
        .max(36_500)
        .nullable()
        .describe(
          'Whole days for which its audit log is kept at least; `null`: as long as that of the installation. Stays as it is where the file does not say.',
        ),
      absent: null,
      stays: true,
    },
    policy_max_changes: {
      type: z
        .int()
        .min(0)
        .max(1_000_000)
        .nullable()
        .describe(
          'The most recorded decisions that an activation of policies may change, as a replay has found; `null`: any number. Stays as it is where the file does not say.',
        ),
      absent: null,
      stays: true,
    },
    protected: {
      type: z
        .boolean()
        .describe(
          'Whether it cannot be removed until that is taken back. Stays as it is where the file does not say.',
        ),
      absent: false,
      stays: true,
    },
    legal_hold: {
      type: z
        .boolean()
        .describe(
          'Whether its audit log is kept whole, and it cannot be removed. Stays as it is where the file does not say.',
        ),
      absent: false,
      stays: true,
      notAtFirst: true,
    },
  },
};
