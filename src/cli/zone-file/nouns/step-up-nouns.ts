import { z } from 'zod';
import { authenticates, DECISION_METHODS } from '../../../step-up/decision-methods.js';
import type { Noun } from '../field.js';
import { line, typeName } from './values.js';

/** How challenges are dealt with. */
export const STEP_UP_TYPES: Noun = {
  section: 'step_up_types',
  title: 'step-up type',
  path: 'step-up-types',
  key: 'type',
  change: 'put by name',
  description:
    'How challenges are dealt with, by type. A type that is not here has the default terms.',
  isOwn: (view) => view['default'] !== true,
  derive: (item) => ({
    acr: item['type'] ?? null,
    subject_must_satisfy:
      item['type'] === 'mfa' &&
      item['subject_may_satisfy'] === true &&
      oneAuthenticates(item['satisfied_by']),
  }),
  fields: {
    type: {
      type: typeName().describe('Its name, as policies have it: `@step_up("…")`.'),
      absent: null,
    },
    lifetime_seconds: {
      type: z
        .int()
        .min(30)
        .max(86_400)
        .describe('Seconds for which a challenge can be decided on.'),
      absent: 300,
    },
    satisfied_by: {
      type: z
        .array(z.enum(DECISION_METHODS))
        .min(1)
        .describe('The methods by which it can be decided on.'),
      required: true,
      absent: [],
      unordered: true,
    },
    quorum: {
      type: z.int().min(1).max(10).describe('The number of approvals that it takes.'),
      absent: 1,
    },
    requester_may_satisfy: {
      type: z.boolean().describe('Whether the application that makes the request may decide.'),
      absent: false,
    },
    subject_may_satisfy: {
      type: z.boolean().describe('Whether the subject of the request may decide.'),
      absent: false,
    },
    subject_must_satisfy: {
      type: z
        .boolean()
        .describe(
          'Whether the subject has to be among those who approve; by default only where the type is `mfa`.',
        ),
      absent: null,
    },
    acr: {
      type: z
        .string()
        .regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,200}$/, 'must be a name or a URI')
        .describe(
          'The `acr` of a mandate that is issued on what the subject itself has shown; the name of the type by default.',
        ),
      absent: null,
    },
    reuse_seconds: {
      type: z
        .int()
        .min(0)
        .max(86_400)
        .describe(
          'Seconds for which a session whose subject has shown this needs no other challenge.',
        ),
      absent: 0,
    },
  },
};

function oneAuthenticates(methods: unknown): boolean {
  if (!Array.isArray(methods)) return false;
  return DECISION_METHODS.some((method) => authenticates(method) && methods.includes(method));
}

/** Systems outside that decide. */
export const PROOF_SYSTEMS: Noun = {
  section: 'proof_systems',
  title: 'proof system',
  path: 'proof-systems',
  key: 'name',
  change: 'patch',
  description:
    'Systems outside that may decide on challenges. The secret of a new one is drawn: it is shown once, or written to --secrets-out.',
  fields: {
    name: { type: line().describe('Unique in the zone.'), absent: null },
    disabled: {
      type: z
        .boolean()
        .describe('Nothing that it signs counts then. Stays as it is where the file does not say.'),
      absent: false,
      stays: true,
      notAtFirst: true,
    },
    types: {
      type: z
        .array(typeName())
        .max(50)
        .describe('The types of challenge that it may decide on; any if it is empty.'),
      absent: [],
      unordered: true,
    },
  },
};
