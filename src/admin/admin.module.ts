import { Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuditModule } from '../audit/audit.module.js';
import { EvidenceModule } from '../evidence/evidence.module.js';
import { AuthenticatorsModule } from '../step-up/authenticators/authenticators.module.js';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PolicyModule } from '../policy/policy.module.js';
import { SealingModule } from '../sealing/sealing.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { StepUpModule } from '../step-up/step-up.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { RevocationModule } from '../issuer/revocation/revocation.module.js';
import { readJsonBody } from '../platform/http/json-body.js';
import { guardUnknownRoutes } from '../platform/http/unknown-routes.js';
import { HttpModule } from '../platform/http/http.module.js';
import { AdminGuard } from './admin.guard.js';
import { AdminTokenDoor } from './operators/admin-token-door.service.js';
import { TwoPersonSwitch } from './approvals/two-person-switch.service.js';
import { Unreviewed } from './approvals/unreviewed.service.js';
import { unreviewedMetrics } from './approvals/unreviewed.metrics.js';
import { operatorMetrics } from './operators/operator.metrics.js';
import { DrawnKeys } from './operators/drawn-keys.service.js';
import { Owners } from './operators/owners.service.js';
import { AdministrationChanges } from './operators/administration-changes.service.js';
import { ControlMandates } from './operators/control-mandates.service.js';
import { KeyUses } from './operators/key-uses.service.js';
import { OperatorAuthentication } from './operators/operator-authentication.service.js';
import { OperatorDirectory } from './operators/operator-directory.service.js';
import { Refusals } from './operators/refusals.service.js';
import { AutomaticRotation } from './keys/automatic-rotation.service.js';
import { AuthenticatorRenewal } from './step-up/authenticator-renewal.service.js';
import { AllClientsController } from './clients/all-clients.controller.js';
import { ClientsController } from './clients/clients.controller.js';
import { AuditDelivery } from './audit/audit-delivery.service.js';
import { AuditReaders } from './audit/audit-readers.service.js';
import { Explanations } from './explanations/explanations.service.js';
import { PoliciesOfDecisions } from './explanations/policies-of-decisions.service.js';
import { Deletions } from './deletions.service.js';
import { DryRuns } from './dry-runs.service.js';
import { Demo } from './zones/demo.service.js';
import { DemoPeople } from './zones/demo-people.service.js';
import { AuditedKeyChanges } from './keys/audited-key-changes.service.js';
import { KeyRotation } from './keys/key-rotation.service.js';
import { AuditedChanges } from './audited-changes.service.js';
import { GatewayGuard } from './policy/gateway.guard.js';
import { Tenants } from './management/in-tenant.js';
import { refuseNotThere } from './management/not-there.js';
import { OutboundPolicyChanges } from './outbound-policies/outbound-policy-changes.service.js';
import { IssuerRegistry } from './issuers/issuer-registry.service.js';
import { Analysing } from './access-analyses/analysing.service.js';
import { accessAnalysisMetrics } from './access-analyses/access-analysis.metrics.js';
import { policyReplayMetrics } from './policy-replays/policy-replay.metrics.js';
import { Replaying } from './policy-replays/replaying.service.js';
import { Removals } from './removals/removals.service.js';
import { ScopesController } from './scopes/scopes.controller.js';
import { Ordering } from './revocations/ordering.service.js';
import { Rewrap } from './keys/rewrap.service.js';
import { IdempotencyForgetting } from './idempotency/forgetting.service.js';
import { Idempotency } from './idempotency/idempotency.service.js';
import { InstallationWebhooksController } from './webhooks/installation-webhooks.controller.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';
import { ReceivingKeys } from './zone-moves/receiving-keys.service.js';
import { ZoneReceiver } from './zone-moves/zone-receiver.service.js';
import { ZoneSender } from './zone-moves/zone-sender.service.js';
import { ZonesController } from './zones/zones.controller.js';
import { CONTROLLERS } from './controllers.js';
import { OPERATORS_CONNECTIONS, SERVICES_OF_OPERATORS } from './connections.js';

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
  controllers: [...CONTROLLERS],
  providers: [
    // What Shyntr's paths do, these do.
    ZonesController,
    ClientsController,
    AllClientsController,
    ScopesController,
    WebhooksController,
    InstallationWebhooksController,
    Tenants,
    ...OPERATORS_CONNECTIONS,
    ...SERVICES_OF_OPERATORS,
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
    ...policyReplayMetrics,
    ...accessAnalysisMetrics,
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
    IssuerRegistry,
    KeyRotation,
    AutomaticRotation,
    Replaying,
    Analysing,
    Demo,
    DemoPeople,
    Ordering,
    OutboundPolicyChanges,
    Rewrap,
    Removals,
    AuthenticatorRenewal,
    ReceivingKeys,
    ZoneSender,
    ZoneReceiver,
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
