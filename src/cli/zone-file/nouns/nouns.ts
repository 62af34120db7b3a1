import type { Noun } from '../field.js';
import { CLIENTS } from './client-noun.js';
import { ISSUERS } from './issuer-noun.js';
import { OUTBOUND_POLICIES } from './outbound-noun.js';
import { RESOURCES } from './resource-noun.js';
import { SCOPES } from './scope-noun.js';
import { PROOF_SYSTEMS, STEP_UP_TYPES } from './step-up-nouns.js';
import { WEBHOOKS } from './webhook-noun.js';

/**
 * The sections of a zone file that list things, in the order in which these are made: what others refer to comes first.
 * Where things refer to each other, what is made first is made without that, and gets it once all are there.
 */
export const NOUNS: readonly Noun[] = [
  OUTBOUND_POLICIES,
  SCOPES,
  ISSUERS,
  RESOURCES,
  CLIENTS,
  STEP_UP_TYPES,
  PROOF_SYSTEMS,
  WEBHOOKS,
];

/** The kind of thing that a section lists. */
export function nounOf(section: string): Noun {
  const noun = NOUNS.find((each) => each.section === section);
  if (noun === undefined) throw new Error(`no section ${section}`);
  return noun;
}
