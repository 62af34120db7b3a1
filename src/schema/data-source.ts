import pg from 'pg';
import type { DataSourceOptions, Logger, MigrationInterface } from 'typeorm';
import { ImpatientPool } from '../platform/database/impatient-pool.js';
import { limitsAfterStart, limitsAtStart } from '../platform/database/pooler.js';
import { poolSizes, type PoolSettings } from '../platform/database/pool-sizes.js';
import { timeLimits, type TimeLimits } from '../platform/config/time-limits.js';
import { Authenticator } from '../step-up/authenticators/authenticator.entity.js';
import { Enrolment } from '../step-up/authenticators/enrolment.entity.js';
import { ClientSecret } from '../zones/clients/client-secret.entity.js';
import { Client } from '../zones/clients/client.entity.js';
import { FederatedIdentity } from '../zones/clients/federated-identity.entity.js';
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
import { Scope } from '../zones/scope.entity.js';
import { StepUpType } from '../zones/step-up-type.entity.js';
import { WebhookDelivery } from '../webhooks/webhook-delivery.entity.js';
import { InstallationWebhook } from '../webhooks/installation-webhook.entity.js';
import { Webhook } from '../webhooks/webhook.entity.js';
import { Removal } from '../zones/removal.entity.js';
import { Zone } from '../zones/zone.entity.js';
import { FunctionSets1795280000000 } from './migrations/1795280000000-function-sets.js';
import { Zones1795280000001 } from './migrations/1795280000001-zones.js';
import { Keys1795280000002 } from './migrations/1795280000002-keys.js';
import { Policy1795280000003 } from './migrations/1795280000003-policy.js';
import { Ledger1795280000004 } from './migrations/1795280000004-ledger.js';
import { Delegation1795280000005 } from './migrations/1795280000005-delegation.js';
import { StepUp1795280000006 } from './migrations/1795280000006-step-up.js';
import { Webhooks1795280000007 } from './migrations/1795280000007-webhooks.js';
import { EnrolmentKeys1795291896270 } from './migrations/1795291896270-enrolment-keys.js';
import { DecisionPersons1795292028034 } from './migrations/1795292028034-decision-persons.js';
import { AgentSessionLimits1795292294765 } from './migrations/1795292294765-agent-session-limits.js';
import { RequestLabels1795292544585 } from './migrations/1795292544585-request-labels.js';
import { ConfirmationProofs1795293080661 } from './migrations/1795293080661-confirmation-proofs.js';
import { Removals1795293453144 } from './migrations/1795293453144-removals.js';
import { LedgerProbes1795293541006 } from './migrations/1795293541006-ledger-probes.js';
import { AgentSessionVersions1795314698379 } from './migrations/1795314698379-agent-session-versions.js';
import { AuditChainEnds1795294319836 } from './migrations/1795294319836-audit-chain-ends.js';
import { ClientVersions1795298400000 } from './migrations/1795298400000-client-versions.js';
import { AuditEventTexts1795314994603 } from './migrations/1795314994603-audit-event-texts.js';
import { ClientAssertionAudiences1795325937407 } from './migrations/1795325937407-client-assertion-audiences.js';
import { RevocationStream1795326068559 } from './migrations/1795326068559-revocation-stream.js';
import { CaracalAgents1795326103059 } from './migrations/1795326103059-caracal-agents.js';
import { DefaultResources1795326150976 } from './migrations/1795326150976-default-resources.js';
import { FederatedIdentities1795326172899 } from './migrations/1795326172899-federated-identities.js';
import { ResourceTokenTyps1795326267170 } from './migrations/1795326267170-resource-token-typs.js';
import { GatewayRequestTimes1795328652599 } from './migrations/1795328652599-gateway-request-times.js';
import { WorkloadRevocations1795331600000 } from './migrations/1795331600000-workload-revocations.js';
import { RevocationReads1795331670392 } from './migrations/1795331670392-revocation-reads.js';
import { IssuersAndGenerations1795340000000 } from './migrations/1795340000000-issuers-and-generations.js';
import { GenerationsOfSessions1795340000100 } from './migrations/1795340000100-generations-of-sessions.js';
import { Retention1795341000000 } from './migrations/1795341000000-retention.js';
import { SsfClients1795341800000 } from './migrations/1795341800000-ssf-clients.js';
import { SsfStreams1795341900000 } from './migrations/1795341900000-ssf-streams.js';
import { StatusLists1795342400000 } from './migrations/1795342400000-status-lists.js';
import { RevocationFeed1795345000007 } from './migrations/1795345000007-revocation-feed.js';
import { SsfReceived1795346500000 } from './migrations/1795346500000-ssf-received.js';
import { SsfPolls1795347500000 } from './migrations/1795347500000-ssf-polls.js';
import { WordsForPeople1795349595517 } from './migrations/1795349595517-words-for-people.js';
import { ReportedChallenges1795349727262 } from './migrations/1795349727262-reported-challenges.js';
import { TracedWebhooks1795349455830 } from './migrations/1795349455830-traced-webhooks.js';
import { NamedItems1795350000000 } from './migrations/1795350000000-named-items.js';
import { RecoveryCodes1795351641134 } from './migrations/1795351641134-recovery-codes.js';
import { AuthorizationDetailsTypes1795360640971 } from './migrations/1795360640971-authorization-details-types.js';
import { OwnKeysAndReviews1795373500000 } from './migrations/1795373500000-own-keys-and-reviews.js';
import { ZoneLogos1795362563010 } from './migrations/1795362563010-zone-logos.js';
import { AuditIndex1795372900000 } from './migrations/1795372900000-audit-index.js';
import { ZoneLanguages1795373400000 } from './migrations/1795373400000-zone-languages.js';
import { InstallationWebhooks1795375899098 } from './migrations/1795375899098-installation-webhooks.js';
import { Evidence1795384800000 } from './migrations/1795384800000-evidence.js';
import { ClaimsAndRetention1795385100000 } from './migrations/1795385100000-claims-and-retention.js';
import { AuditIndexDays1795386500000 } from './migrations/1795386500000-audit-index-days.js';
import { CheckpointExports1795387200000 } from './migrations/1795387200000-checkpoint-exports.js';
import { PolicyReplays1795390100000 } from './migrations/1795390100000-policy-replays.js';
import { PolicyBudgets1795394000000 } from './migrations/1795394000000-policy-budgets.js';
import { AccessAnalyses1795394600000 } from './migrations/1795394600000-access-analyses.js';
import { ZoneDirectory1795395200000 } from './migrations/1795395200000-zone-directory.js';
import { ZoneMoves1795401000000 } from './migrations/1795401000000-zone-moves.js';
import { WebhookZones1795466000000 } from './migrations/1795466000000-webhook-zones.js';
import { ClientCeilings1795360245128 } from './migrations/1795360245128-client-ceilings.js';
import { Scopes1795360704100 } from './migrations/1795360704100-scopes.js';
import { SignalsOfOrders1795350100000 } from './migrations/1795350100000-signals-of-orders.js';
import { SignedIntrospection1795350200000 } from './migrations/1795350200000-signed-introspection.js';
import { LeftOverEndings1795350400000 } from './migrations/1795350400000-left-over-endings.js';
import { Operators1795360703625 } from './migrations/1795360703625-operators.js';
import { OperatorRow } from '../admin/operators/operator-row.entity.js';
import { OperatorKey } from '../admin/operators/operator-key.entity.js';
import { OutboundPolicies1795360246590 } from './migrations/1795360246590-outbound-policies.js';
import { NamedWebhooks1795360662750 } from './migrations/1795360662750-named-webhooks.js';
import { OutboundPolicyRow } from '../platform/outbound/outbound-policy.entity.js';
import { RevocationOrder } from '../issuer/revocation/revocation-order.entity.js';
import { RevocationEndings1795346000000 } from './migrations/1795346000000-revocation-endings.js';
import { IdempotencyKeys1795360905510 } from './migrations/1795360905510-idempotency-keys.js';
import { Approvals1795360906346 } from './migrations/1795360906346-approvals.js';
import { AccessAnalysis } from '../admin/access-analyses/access-analysis.entity.js';
import { PolicyReplay } from '../admin/policy-replays/policy-replay.entity.js';
import { ApprovalRow } from '../admin/approvals/approval.entity.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** The table in which TypeORM keeps the names of the migrations that were run. */
export const MIGRATIONS_TABLE = 'schema_migrations';

/** The migrations, in their order. */
export const MIGRATIONS: readonly (new () => MigrationInterface)[] = [
  FunctionSets1795280000000,
  Zones1795280000001,
  Keys1795280000002,
  Policy1795280000003,
  Ledger1795280000004,
  Delegation1795280000005,
  StepUp1795280000006,
  Webhooks1795280000007,
  EnrolmentKeys1795291896270,
  DecisionPersons1795292028034,
  AgentSessionLimits1795292294765,
  RequestLabels1795292544585,
  ConfirmationProofs1795293080661,
  Removals1795293453144,
  LedgerProbes1795293541006,
  AuditChainEnds1795294319836,
  ClientVersions1795298400000,
  AgentSessionVersions1795314698379,
  AuditEventTexts1795314994603,
  ClientAssertionAudiences1795325937407,
  RevocationStream1795326068559,
  CaracalAgents1795326103059,
  DefaultResources1795326150976,
  FederatedIdentities1795326172899,
  ResourceTokenTyps1795326267170,
  GatewayRequestTimes1795328652599,
  WorkloadRevocations1795331600000,
  RevocationReads1795331670392,
  IssuersAndGenerations1795340000000,
  GenerationsOfSessions1795340000100,
  Retention1795341000000,
  SsfClients1795341800000,
  SsfStreams1795341900000,
  StatusLists1795342400000,
  RevocationFeed1795345000007,
  RevocationEndings1795346000000,
  SsfReceived1795346500000,
  SsfPolls1795347500000,
  TracedWebhooks1795349455830,
  WordsForPeople1795349595517,
  ReportedChallenges1795349727262,
  NamedItems1795350000000,
  SignalsOfOrders1795350100000,
  SignedIntrospection1795350200000,
  LeftOverEndings1795350400000,
  RecoveryCodes1795351641134,
  ClientCeilings1795360245128,
  OutboundPolicies1795360246590,
  AuthorizationDetailsTypes1795360640971,
  NamedWebhooks1795360662750,
  Operators1795360703625,
  Scopes1795360704100,
  IdempotencyKeys1795360905510,
  Approvals1795360906346,
  ZoneLogos1795362563010,
  AuditIndex1795372900000,
  ZoneLanguages1795373400000,
  OwnKeysAndReviews1795373500000,
  InstallationWebhooks1795375899098,
  Evidence1795384800000,
  ClaimsAndRetention1795385100000,
  AuditIndexDays1795386500000,
  CheckpointExports1795387200000,
  PolicyReplays1795390100000,
  PolicyBudgets1795394000000,
  AccessAnalyses1795394600000,
  ZoneDirectory1795395200000,
  ZoneMoves1795401000000,
  WebhookZones1795466000000,
];

const ONE_PROCESS: PoolSettings = { workers: 1, connections: undefined };

/**
 * The connection as the service uses it: impatient, because a caller who waits holds its own callers. Only the
 * making of a connection takes what it takes: what is given up before it could be there is never there.
 *
 * @param url `postgres://…`
 * @param settings how many connections there are
 */
export function dataSourceOptions(
  url: string,
  limits: TimeLimits = timeLimits(),
  settings: PoolSettings = ONE_PROCESS,
): PostgresOptions {
  const onServer = {
    statement_timeout: limits.statementMs,
    idle_in_transaction_session_timeout: limits.idleMs,
  };
  return {
    type: 'postgres',
    driver: { ...pg, Pool: ImpatientPool },
    url,
    entities: [
      Zone,
      Resource,
      Client,
      ClientSecret,
      FederatedIdentity,
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
      Scope,
      StepUpType,
      Challenge,
      ChallengeDecision,
      ProofSystem,
      Authenticator,
      Enrolment,
      OutboundPolicyRow,
      ApprovalRow,
      PolicyReplay,
      AccessAnalysis,
      Webhook,
      InstallationWebhook,
      WebhookDelivery,
      Removal,
      RevocationOrder,
      OperatorRow,
      OperatorKey,
    ],
    migrations: [...MIGRATIONS],
    migrationsTableName: MIGRATIONS_TABLE,
    synchronize: false,
    poolSize: poolSizes(settings).shared,
    connectTimeoutMS: limits.connectMs,
    // An idle connection that breaks raises an event; without a listener it would end the process.
    poolErrorHandler: () => {},
    extra: {
      query_timeout: limits.statementMs,
      ...limitsAtStart(onServer, limits.pooler),
      // The pool waits for it before anybody gets the connection.
      onConnect: (client: pg.ClientBase) => limitsAfterStart(client, onServer, limits.pooler),
      keepAlive: true,
    },
  };
}

/** The same connections, a few, for operators alone: those for changes, and those for looking at things. */
export function operatorsOptions(
  url: string,
  limits?: TimeLimits,
  settings: PoolSettings = ONE_PROCESS,
): { readonly changing: PostgresOptions; readonly reading: PostgresOptions } {
  const shared = dataSourceOptions(url, limits);
  const sizes = poolSizes(settings);
  return {
    changing: {
      ...shared,
      poolSize: sizes.changing,
      applicationName: 'mandate operators',
    },
    reading: {
      ...shared,
      poolSize: sizes.reading,
      applicationName: 'mandate operators reading',
    },
  };
}

/** The same schema for migrations, which may take their time, but not wait for tables (`migrate.ts`). */
export function migrationOptions(url: string, limits?: TimeLimits): PostgresOptions {
  return {
    ...dataSourceOptions(url, limits),
    poolSize: 1,
    extra: { keepAlive: true },
    logger: SILENT,
  };
}

/** TypeORM prints each attempt of a migration. What is waited for is told by `tables-in-use.ts`, errors are thrown. */
const SILENT: Logger = {
  logQuery() {},
  logQueryError() {},
  logQuerySlow() {},
  logSchemaBuild() {},
  logMigration() {},
  log() {},
};
