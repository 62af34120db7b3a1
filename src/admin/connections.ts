import type { Provider } from '@nestjs/common';
import { getDataSourceToken, getEntityManagerToken, getRepositoryToken } from '@nestjs/typeorm';
import { DataSource, EntityManager } from 'typeorm';
import { KeyGeneration } from '../keys/rotation/key-generation.service.js';
import { Rotations } from '../keys/rotation/rotations.service.js';
import { SigningKey } from '../keys/signing-key.entity.js';
import { AuditLog } from '../ledger/audit-log.service.js';
import { Ledger } from '../ledger/ledger.service.js';
import { AgentSession } from '../delegation/agent-session.entity.js';
import { DelegationEdge } from '../delegation/delegation-edge.entity.js';
import { RevocationOrder } from '../issuer/revocation/revocation-order.entity.js';
import { Session } from '../ledger/sessions/session.entity.js';
import { PolicySet, PolicySetVersion } from '../policy/policy-set.entity.js';
import { Policy, PolicyVersion } from '../policy/policy.entity.js';
import { ShadowDifference } from '../policy/shadow-difference.entity.js';
import { Authenticator } from '../step-up/authenticators/authenticator.entity.js';
import { ChallengeDecision } from '../step-up/challenge-decision.entity.js';
import { Challenge } from '../step-up/challenge.entity.js';
import { Challenges } from '../step-up/challenges.service.js';
import { StepUpTurns } from '../step-up/step-up-turns.service.js';
import { ProofSystem } from '../step-up/proof-system.entity.js';
import { InstallationWebhook } from '../webhooks/installation-webhook.entity.js';
import { WebhookDelivery } from '../webhooks/webhook-delivery.entity.js';
import { Webhook } from '../webhooks/webhook.entity.js';
import { ClientSecret } from '../zones/clients/client-secret.entity.js';
import { Client } from '../zones/clients/client.entity.js';
import { TrustedIssuerRow } from '../zones/issuers/trusted-issuer.entity.js';
import { Resource } from '../zones/resource.entity.js';
import { Scope } from '../zones/scope.entity.js';
import { StepUpType } from '../zones/step-up-type.entity.js';
import { Zone } from '../zones/zone.entity.js';
import { OutboundPolicies } from '../platform/outbound/outbound-policies.service.js';
import { OutboundPolicyRow } from '../platform/outbound/outbound-policy.entity.js';
import { OPERATORS, OPERATORS_READING } from '../platform/database/operators-connections.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { ApprovalRow } from './approvals/approval.entity.js';
import { OperatorKey } from './operators/operator-key.entity.js';
import { OperatorRow } from './operators/operator-row.entity.js';
import { AccessAnalysis } from './access-analyses/access-analysis.entity.js';
import { PolicyReplay } from './policy-replays/policy-replay.entity.js';
import { Removal } from '../zones/removal.entity.js';

/** The entities whose repositories are injected in this room. */
const ENTITIES = [
  Zone,
  Resource,
  Scope,
  StepUpType,
  Client,
  ClientSecret,
  TrustedIssuerRow,
  Session,
  AgentSession,
  DelegationEdge,
  Policy,
  PolicyVersion,
  PolicySet,
  PolicySetVersion,
  ShadowDifference,
  PolicyReplay,
  AccessAnalysis,
  Challenge,
  ProofSystem,
  Authenticator,
  OutboundPolicyRow,
  Webhook,
  InstallationWebhook,
  WebhookDelivery,
  Removal,
  RevocationOrder,
  OperatorRow,
  OperatorKey,
  ApprovalRow,
];

/**
 * The connections and repositories that are injected in this room: those for operators who read. What changes something
 * asks for the connections of `OPERATORS` by name.
 */
export const OPERATORS_CONNECTIONS: Provider[] = [
  { provide: DataSource, useExisting: getDataSourceToken(OPERATORS_READING) },
  { provide: EntityManager, useExisting: getEntityManagerToken(OPERATORS_READING) },
  ...ENTITIES.map((entity) => ({
    provide: getRepositoryToken(entity),
    inject: [getDataSourceToken(OPERATORS_READING)],
    useFactory: (dataSource: DataSource) => dataSource.getRepository<object>(entity),
  })),
];

/** Services of other rooms, made anew with the connections of operators. */
export const SERVICES_OF_OPERATORS: Provider[] = [
  AuditLog,
  OutboundPolicies,
  {
    provide: Rotations,
    inject: [getDataSourceToken(OPERATORS), KeyGeneration],
    useFactory: (dataSource: DataSource, generation: KeyGeneration) =>
      new Rotations(dataSource.getRepository(SigningKey), generation),
  },
  {
    provide: Challenges,
    inject: [getDataSourceToken(OPERATORS), Ledger, ENV],
    // Its turns are its own, as the connections are.
    useFactory: (dataSource: DataSource, ledger: Ledger, env: RunningEnv) =>
      new Challenges(
        dataSource.getRepository(Challenge),
        dataSource.getRepository(ChallengeDecision),
        dataSource,
        ledger,
        new StepUpTurns(env),
        env,
      ),
  },
];
