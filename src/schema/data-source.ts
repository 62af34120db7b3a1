import type { DataSourceOptions } from 'typeorm';
import { Authenticator } from '../step-up/authenticators/authenticator.entity.js';
import { Enrolment } from '../step-up/authenticators/enrolment.entity.js';
import { ClientSecret } from '../zones/clients/client-secret.entity.js';
import { Client } from '../zones/clients/client.entity.js';
import { TrustedIssuerRow } from '../zones/issuers/trusted-issuer.entity.js';
import { DelegationEdge } from '../delegation/delegation-edge.entity.js';
import { SigningKey } from '../keys/signing-key.entity.js';
import { PolicySet, PolicySetMember, PolicySetVersion } from '../policy/policy-set.entity.js';
import { ShadowDifference } from '../policy/shadow-difference.entity.js';
import { Policy, PolicyVersion } from '../policy/policy.entity.js';
import { AgentSession } from '../delegation/agent-session.entity.js';
import { Revocation } from '../ledger/sessions/revocation.entity.js';
import { Session } from '../ledger/sessions/session.entity.js';
import { ChallengeDecision } from '../step-up/challenge-decision.entity.js';
import { Challenge } from '../step-up/challenge.entity.js';
import { ProofSystem } from '../step-up/proof-system.entity.js';
import { Resource } from '../zones/resource.entity.js';
import { StepUpType } from '../zones/step-up-type.entity.js';
import { WebhookDelivery } from '../webhooks/webhook-delivery.entity.js';
import { Webhook } from '../webhooks/webhook.entity.js';
import { Zone } from '../zones/zone.entity.js';
import { Zones1700000000000 } from './migrations/1700000000000-zones.js';
import { Ledger1700000000001 } from './migrations/1700000000001-ledger.js';
import { PolicyLifecycle1700000000002 } from './migrations/1700000000002-policy-lifecycle.js';
import { TrustedIssuers1700000000004 } from './migrations/1700000000004-trusted-issuers.js';
import { Delegation1700000000005 } from './migrations/1700000000005-delegation.js';
import { StepUp1700000000006 } from './migrations/1700000000006-step-up.js';
import { ProofSystems1700000000007 } from './migrations/1700000000007-proof-systems.js';
import { Authenticators1700000000008 } from './migrations/1700000000008-authenticators.js';
import { Webhooks1700000000009 } from './migrations/1700000000009-webhooks.js';
import { KeyCustody1700000000020 } from './migrations/1700000000020-key-custody.js';
import { KeyRotation1700000000021 } from './migrations/1700000000021-key-rotation.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How long one may wait for a connection and for a statement before the answer is 503. */
const CONNECT_MS = 700;
const STATEMENT_MS = 1_000;

/**
 * The connection as the service uses it: impatient, because a caller who waits holds its own callers.
 *
 * @param url `postgres://…`
 */
export function dataSourceOptions(url: string): PostgresOptions {
  return {
    type: 'postgres',
    url,
    entities: [
      Zone,
      Resource,
      Client,
      ClientSecret,
      TrustedIssuerRow,
      SigningKey,
      Policy,
      PolicyVersion,
      PolicySet,
      PolicySetVersion,
      PolicySetMember,
      ShadowDifference,
      Session,
      Revocation,
      AgentSession,
      DelegationEdge,
      StepUpType,
      Challenge,
      ChallengeDecision,
      ProofSystem,
      Authenticator,
      Enrolment,
      Webhook,
      WebhookDelivery,
    ],
    migrations: [
      Zones1700000000000,
      Ledger1700000000001,
      PolicyLifecycle1700000000002,
      TrustedIssuers1700000000004,
      Delegation1700000000005,
      StepUp1700000000006,
      ProofSystems1700000000007,
      Authenticators1700000000008,
      Webhooks1700000000009,
      KeyCustody1700000000020,
      KeyRotation1700000000021,
    ],
    migrationsTableName: 'schema_migrations',
    synchronize: false,
    poolSize: 8,
    connectTimeoutMS: CONNECT_MS,
    // An idle connection that breaks raises an event; without a listener it would end the process.
    poolErrorHandler: () => {},
    extra: {
      query_timeout: STATEMENT_MS,
      statement_timeout: STATEMENT_MS,
      idle_in_transaction_session_timeout: 5_000,
      keepAlive: true,
    },
  };
}

/** The same schema for migrations, which may take their time. */
export function migrationOptions(url: string): PostgresOptions {
  return { ...dataSourceOptions(url), poolSize: 1, connectTimeoutMS: 5_000, extra: {} };
}
