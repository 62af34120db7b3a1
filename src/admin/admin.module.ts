import { Module, type OnModuleInit, type Provider } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { getDataSourceToken, getEntityManagerToken, getRepositoryToken } from '@nestjs/typeorm';
import { DataSource, EntityManager } from 'typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { EvidenceModule } from '../evidence/evidence.module.js';
import { AuthenticatorsModule } from '../step-up/authenticators/authenticators.module.js';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { KeyGeneration } from '../keys/rotation/key-generation.service.js';
import { Rotations } from '../keys/rotation/rotations.service.js';
import { SigningKey } from '../keys/signing-key.entity.js';
import { AuditLog } from '../ledger/audit-log.service.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { Ledger } from '../ledger/ledger.service.js';
import { PolicyModule } from '../policy/policy.module.js';
import { SealingModule } from '../sealing/sealing.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { StepUpModule } from '../step-up/step-up.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { AgentSession } from '../delegation/agent-session.entity.js';
import { DelegationEdge } from '../delegation/delegation-edge.entity.js';
import { RevocationOrder } from '../issuer/revocation/revocation-order.entity.js';
import { RevocationModule } from '../issuer/revocation/revocation.module.js';
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
import { readJsonBody } from '../platform/http/json-body.js';
import { guardUnknownRoutes } from '../platform/http/unknown-routes.js';
import { HttpModule } from '../platform/http/http.module.js';
import { AdminGuard } from './admin.guard.js';
import { AdminTokenController } from './operators/admin-token.controller.js';
import { AdminTokenDoor } from './operators/admin-token-door.service.js';
import { ApprovalRow } from './approvals/approval.entity.js';
import { OperatorApprovalsController } from './approvals/approvals.controller.js';
import { TwoPersonSwitch } from './approvals/two-person-switch.service.js';
import { Unreviewed } from './approvals/unreviewed.service.js';
import { unreviewedMetrics } from './approvals/unreviewed.metrics.js';
import { SettingsController } from './approvals/settings.controller.js';
import { MeController } from './operators/me.controller.js';
import { MyKeysController } from './operators/my-keys.controller.js';
import { operatorMetrics } from './operators/operator.metrics.js';
import { DrawnKeys } from './operators/drawn-keys.service.js';
import { OperatorKeysController } from './operators/operator-keys.controller.js';
import { OperatorsController } from './operators/operators.controller.js';
import { Owners } from './operators/owners.service.js';
import { AdministrationChanges } from './operators/administration-changes.service.js';
import { ControlMandates } from './operators/control-mandates.service.js';
import { ControlZoneController } from './operators/control-zone.controller.js';
import { KeyUses } from './operators/key-uses.service.js';
import { OperatorAuthentication } from './operators/operator-authentication.service.js';
import { OperatorDirectory } from './operators/operator-directory.service.js';
import { OperatorKey } from './operators/operator-key.entity.js';
import { OperatorRow } from './operators/operator-row.entity.js';
import { Refusals } from './operators/refusals.service.js';
import { AutomaticRotation } from './keys/automatic-rotation.service.js';
import { AgentSessionsAdminController } from './sessions/agent-sessions.controller.js';
import { DelegationsAdminController } from './sessions/delegations.controller.js';
import { AuthenticatorRenewal } from './step-up/authenticator-renewal.service.js';
import { AuthenticatorsController } from './step-up/authenticators.controller.js';
import { ChallengesController } from './step-up/challenges.controller.js';
import { AllClientsController } from './clients/all-clients.controller.js';
import { ClientSecretsController } from './clients/client-secrets.controller.js';
import { ClientsController } from './clients/clients.controller.js';
import { DecisionsController } from './policy/decisions.controller.js';
import { AuditController } from './audit/audit.controller.js';
import { AuditDeliveryController } from './audit/audit-delivery.controller.js';
import { AuditDelivery } from './audit/audit-delivery.service.js';
import { AuditReaders } from './audit/audit-readers.service.js';
import { ZoneAuditDeliveryController } from './audit/zone-audit-delivery.controller.js';
import { ZoneAuditController } from './audit/zone-audit.controller.js';
import { CheckpointsController } from './evidence/checkpoints.controller.js';
import { ZoneCheckpointsController } from './evidence/zone-checkpoints.controller.js';
import { TransparencyLogController } from './evidence/transparency-log.controller.js';
import { ZoneTransparencyLogController } from './evidence/zone-transparency-log.controller.js';
import { ExplanationsController } from './explanations/explanations.controller.js';
import { Explanations } from './explanations/explanations.service.js';
import { PoliciesOfDecisions } from './explanations/policies-of-decisions.service.js';
import { Deletions } from './deletions.service.js';
import { DryRuns } from './dry-runs.service.js';
import { Demo } from './zones/demo.service.js';
import { DemoPeople } from './zones/demo-people.service.js';
import { IssuersController } from './issuers/issuers.controller.js';
import { AuditedKeyChanges } from './keys/audited-key-changes.service.js';
import { KeyRotation } from './keys/key-rotation.service.js';
import { AuditedChanges } from './audited-changes.service.js';
import { GatewayGuard } from './policy/gateway.guard.js';
import { LogLevelController } from './process/log-level.controller.js';
import { Tenants } from './management/in-tenant.js';
import { refuseNotThere } from './management/not-there.js';
import { TenantClientsController } from './management/tenant-clients.controller.js';
import { TenantOutboundPoliciesController } from './management/tenant-outbound-policies.controller.js';
import { TenantScopesController } from './management/tenant-scopes.controller.js';
import { TenantAuditController } from './management/tenant-audit.controller.js';
import { TenantWebhooksController } from './management/tenant-webhooks.controller.js';
import { TenantsController } from './management/tenants.controller.js';
import { InstallationOutboundPoliciesController } from './outbound-policies/installation-outbound-policies.controller.js';
import { OutboundPolicyChanges } from './outbound-policies/outbound-policy-changes.service.js';
import { ZoneOutboundPoliciesController } from './outbound-policies/zone-outbound-policies.controller.js';
import { PoliciesController } from './policy/policies.controller.js';
import { PolicyDecisionsController } from './policy/policy-decisions.controller.js';
import { PolicyReplay } from './policy-replays/policy-replay.entity.js';
import { PolicyReplaysController } from './policy-replays/policy-replays.controller.js';
import { Replaying } from './policy-replays/replaying.service.js';
import { PolicySetsController } from './policy/policy-sets.controller.js';
import { ProofSystemsController } from './step-up/proof-systems.controller.js';
import { Removal } from '../zones/removal.entity.js';
import { Removals } from './removals/removals.service.js';
import { ResourcesController } from './zones/resources.controller.js';
import { ScopesController } from './scopes/scopes.controller.js';
import { Ordering } from './revocations/ordering.service.js';
import { RevocationsController } from './revocations/revocations.controller.js';
import { Rewrap } from './keys/rewrap.service.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { IdempotencyForgetting } from './idempotency/forgetting.service.js';
import { Idempotency } from './idempotency/idempotency.service.js';
import { SigningKeysController } from './keys/signing-keys.controller.js';
import { StepUpTypesController } from './step-up/step-up-types.controller.js';
import { InstallationWebhooksController } from './webhooks/installation-webhooks.controller.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';
import { ZonePolicyController } from './policy/zone-policy.controller.js';
import { ZonesController } from './zones/zones.controller.js';

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
const CONNECTIONS: Provider[] = [
  { provide: DataSource, useExisting: getDataSourceToken(OPERATORS_READING) },
  { provide: EntityManager, useExisting: getEntityManagerToken(OPERATORS_READING) },
  ...ENTITIES.map((entity) => ({
    provide: getRepositoryToken(entity),
    inject: [getDataSourceToken(OPERATORS_READING)],
    useFactory: (dataSource: DataSource) => dataSource.getRepository<object>(entity),
  })),
];

/** Services of other rooms, made anew with the connections of operators. */
const SERVICES: Provider[] = [
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
        new StepUpTurns(),
        env,
      ),
  },
];

/** Operators change what the others read. */
@Module({
  imports: [
    AuditModule,
    EvidenceModule,
    AuthenticationModule,
    AuthenticatorsModule,
    HttpModule,
    KeysModule,
    LedgerModule,
    PolicyModule,
    RevocationModule,
    SealingModule,
    SnapshotModule,
    StepUpModule,
    WebhooksModule,
  ],
  controllers: [
    LogLevelController,
    MeController,
    MyKeysController,
    OperatorApprovalsController,
    SettingsController,
    AdminTokenController,
    ControlZoneController,
    OperatorsController,
    OperatorKeysController,
    ZonesController,
    ResourcesController,
    ScopesController,
    IssuersController,
    ClientsController,
    AllClientsController,
    ClientSecretsController,
    PoliciesController,
    PolicySetsController,
    ZonePolicyController,
    PolicyReplaysController,
    SessionsController,
    RevocationsController,
    AgentSessionsAdminController,
    DelegationsAdminController,
    SigningKeysController,
    PolicyDecisionsController,
    DecisionsController,
    AuditController,
    ZoneAuditController,
    CheckpointsController,
    ZoneCheckpointsController,
    TransparencyLogController,
    ZoneTransparencyLogController,
    AuditDeliveryController,
    ZoneAuditDeliveryController,
    ExplanationsController,
    ChallengesController,
    StepUpTypesController,
    ProofSystemsController,
    WebhooksController,
    InstallationWebhooksController,
    InstallationOutboundPoliciesController,
    ZoneOutboundPoliciesController,
    TenantsController,
    TenantClientsController,
    TenantScopesController,
    TenantOutboundPoliciesController,
    TenantWebhooksController,
    TenantAuditController,
    AuthenticatorsController,
  ],
  providers: [
    // What Shyntr's paths do, these do.
    ZonesController,
    ClientsController,
    AllClientsController,
    ScopesController,
    WebhooksController,
    InstallationWebhooksController,
    Tenants,
    ...CONNECTIONS,
    ...SERVICES,
    AdminGuard,
    OperatorAuthentication,
    OperatorDirectory,
    KeyUses,
    ControlMandates,
    Refusals,
    AdministrationChanges,
    Owners,
    DrawnKeys,
    Unreviewed,
    TwoPersonSwitch,
    ...unreviewedMetrics,
    ...operatorMetrics,
    AdminTokenDoor,
    GatewayGuard,
    AuditedChanges,
    Idempotency,
    IdempotencyForgetting,
    AuditedKeyChanges,
    DryRuns,
    AuditDelivery,
    AuditReaders,
    Explanations,
    PoliciesOfDecisions,
    Deletions,
    KeyRotation,
    AutomaticRotation,
    Replaying,
    Demo,
    DemoPeople,
    Ordering,
    OutboundPolicyChanges,
    Rewrap,
    Removals,
    AuthenticatorRenewal,
  ],
})
export class AdminModule implements OnModuleInit {
  constructor(
    private readonly http: HttpAdapterHost,
    private readonly admins: AdminGuard,
    private readonly gateways: GatewayGuard,
  ) {}

  onModuleInit(): void {
    const exist = () => this.admins.isDoor;
    guardUnknownRoutes(this.http, {
      paths: '/internal/policy',
      exist,
      checks: [(request) => this.gateways.admit(request)],
    });
    guardUnknownRoutes(this.http, {
      paths: '/internal',
      exist,
      checks: [(request, response) => this.admins.admit(request, response), readJsonBody],
    });
    guardUnknownRoutes(this.http, {
      paths: '/admin/management',
      exist,
      checks: [
        (request, response) => this.admins.admit(request, response),
        refuseNotThere,
        readJsonBody,
      ],
    });
  }
}
