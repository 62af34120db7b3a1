import { z } from 'zod';
import { EVENT_TYPES } from '../../../webhooks/event-types.js';
import type { Noun } from '../field.js';
import { line } from './values.js';

/** Who is told. */
export const WEBHOOKS: Noun = {
  section: 'webhooks',
  title: 'webhook',
  path: 'webhooks',
  key: 'name',
  keyElse: 'url',
  change: 'patch',
  description:
    'Who is told of what happens. The secret of a new one is drawn: it is shown once, or written to --secrets-out.',
  fields: {
    name: {
      type: line().describe(
        'What it is called, unique in the zone. One without a name is told by its URL.',
      ),
      absent: null,
    },
    url: { type: z.url().describe('Where to.'), required: true, absent: null },
    events: {
      type: z
        .array(z.enum(EVENT_TYPES))
        .describe('The types of event that are wanted; all about challenges if it is empty.'),
      absent: [],
      unordered: true,
    },
    enabled: {
      type: z
        .boolean()
        .describe('Whether it is told anything. Stays as it is where the file does not say.'),
      absent: true,
      stays: true,
      notAtFirst: true,
    },
  },
};
