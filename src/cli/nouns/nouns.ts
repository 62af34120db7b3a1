import { approvals, settings } from './approvals.js';
import { clients } from './clients.js';
import { installationWebhooks } from './installation-webhooks.js';
import { issuers } from './issuers.js';
import type { Noun } from './noun.js';
import { operators } from './operators.js';
import { installationOutboundPolicies, outboundPolicies } from './outbound-policies.js';
import { policies } from './policies.js';
import { policySets } from './policy-sets.js';
import { decisions, logLevel } from './process.js';
import { resources } from './resources.js';
import { revocations } from './revocations.js';
import { scopes } from './scopes.js';
import { agentSessions, delegations, sessions } from './sessions.js';
import { signingKeys } from './signing-keys.js';
import { authenticators } from './authenticators.js';
import { challenges } from './challenges.js';
import { proofSystems } from './proof-systems.js';
import { stepUpTypes } from './step-up-types.js';
import { webhooks } from './webhooks.js';
import { zones } from './zones.js';

/** All nouns of the command line, in the order of help. */
export const NOUNS: readonly Noun[] = [
  zones,
  clients,
  resources,
  scopes,
  issuers,
  policies,
  policySets,
  decisions,
  signingKeys,
  sessions,
  agentSessions,
  delegations,
  revocations,
  challenges,
  stepUpTypes,
  proofSystems,
  authenticators,
  webhooks,
  installationWebhooks,
  outboundPolicies,
  installationOutboundPolicies,
  operators,
  approvals,
  settings,
  logLevel,
];

/** A noun by its name. */
export function nounOf(name: string): Noun {
  const noun = NOUNS.find((one) => one.name === name);
  if (noun === undefined) throw new Error(`there is no noun ${name}`);
  return noun;
}
