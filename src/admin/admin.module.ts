import { Module, type OnModuleInit, type Provider } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { getDataSourceToken, getEntityManagerToken, getRepositoryToken } from '@nestjs/typeorm';
import { DataSource, EntityManager } from 'typeorm';
import { AuthenticatorsModule } from '../step-up/authenticators/authenticators.module.js';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PolicyModule } from '../policy/policy.module.js';
import { SealingModule } from '../sealing/sealing.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { StepUpModule } from '../step-up/step-up.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { AgentSession } from '../delegation/agent-session.entity.js';
import { DelegationEdge } from '../delegation/delegation-edge.entity.js';
import { Session } from '../ledger/sessions/session.entity.js';
import { PolicySet, PolicySetVersion } from '../policy/policy-set.entity.js';
import { Policy, PolicyVersion } from '../policy/policy.entity.js';
import { ShadowDifference } from '../policy/shadow-difference.entity.js';
import { Authenticator } from '../step-up/authenticators/authenticator.entity.js';
import { Challenge } from '../step-up/challenge.entity.js';
import { ProofSystem } from '../step-up/proof-system.entity.js';
import { WebhookDelivery } from '../webhooks/webhook-delivery.entity.js';
import { Webhook } from '../webhooks/webhook.entity.js';
import { ClientSecret } from '../zones/clients/client-secret.entity.js';
import { Client } from '../zones/clients/client.entity.js';
import { TrustedIssuerRow } from '../zones/issuers/trusted-issuer.entity.js';
import { Resource } from '../zones/resource.entity.js';
import { StepUpType } from '../zones/step-up-type.entity.js';
import { Zone } from '../zones/zone.entity.js';
import { OPERATORS } from '../platform/database/operators-connections.js';
import { readJsonBody } from '../platform/http/json-body.js';
import { guardUnknownRoutes } from '../platform/http/unknown-routes.js';
import { AdminGuard } from './admin.guard.js';
import { AutomaticRotation } from './keys/automatic-rotation.service.js';
import { AgentSessionsAdminController } from './sessions/agent-sessions.controller.js';
import { DelegationsAdminController } from './sessions/delegations.controller.js';
import { AuthenticatorRenewal } from './step-up/authenticator-renewal.service.js';
import { AuthenticatorsController } from './step-up/authenticators.controller.js';
import { ChallengesController } from './step-up/challenges.controller.js';
import { ClientSecretsController } from './clients/client-secrets.controller.js';
import { ClientsController } from './clients/clients.controller.js';
import { DecisionsController } from './policy/decisions.controller.js';
import { Demo } from './zones/demo.service.js';
import { IssuersController } from './issuers/issuers.controller.js';
import { AuditedKeyChanges } from './keys/audited-key-changes.service.js';
import { KeyRotation } from './keys/key-rotation.service.js';
import { AuditedChanges } from './audited-changes.service.js';
import { GatewayGuard } from './policy/gateway.guard.js';
import { PoliciesController } from './policy/policies.controller.js';
import { PolicyDecisionsController } from './policy/policy-decisions.controller.js';
import { PolicySetsController } from './policy/policy-sets.controller.js';
import { ProofSystemsController } from './step-up/proof-systems.controller.js';
import { ResourcesController } from './zones/resources.controller.js';
import { Rewrap } from './keys/rewrap.service.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SigningKeysController } from './keys/signing-keys.controller.js';
import { StepUpTypesController } from './step-up/step-up-types.controller.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';
import { ZonePolicyController } from './policy/zone-policy.controller.js';
import { ZonesController } from './zones/zones.controller.js';

/** What operators look at and change. */
const ENTITIES = [
  Zone,
  Resource,
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
  Challenge,
  ProofSystem,
  Authenticator,
  Webhook,
  WebhookDelivery,
];

/** In this room every connection is one of operators. */
const CONNECTIONS: Provider[] = [
  { provide: DataSource, useExisting: getDataSourceToken(OPERATORS) },
  { provide: EntityManager, useExisting: getEntityManagerToken(OPERATORS) },
  ...ENTITIES.map((entity) => ({
    provide: getRepositoryToken(entity),
    inject: [getDataSourceToken(OPERATORS)],
    useFactory: (dataSource: DataSource) => dataSource.getRepository<object>(entity),
  })),
];

/** Operators change what the others read. */
@Module({
  imports: [
    AuthenticationModule,
    AuthenticatorsModule,
    KeysModule,
    LedgerModule,
    PolicyModule,
    SealingModule,
    SnapshotModule,
    StepUpModule,
    WebhooksModule,
  ],
  controllers: [
    ZonesController,
    ResourcesController,
    IssuersController,
    ClientsController,
    ClientSecretsController,
    PoliciesController,
    PolicySetsController,
    ZonePolicyController,
    SessionsController,
    AgentSessionsAdminController,
    DelegationsAdminController,
    SigningKeysController,
    PolicyDecisionsController,
    DecisionsController,
    ChallengesController,
    StepUpTypesController,
    ProofSystemsController,
    WebhooksController,
    AuthenticatorsController,
  ],
  providers: [
    ...CONNECTIONS,
    AdminGuard,
    GatewayGuard,
    AuditedChanges,
    AuditedKeyChanges,
    KeyRotation,
    AutomaticRotation,
    Demo,
    Rewrap,
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
    guardUnknownRoutes(this.http, '/internal/policy', (request, response) =>
      this.gateways.admit(request, response),
    );
    guardUnknownRoutes(
      this.http,
      '/internal',
      (request, response) => this.admins.admit(request, response),
      readJsonBody,
    );
  }
}
