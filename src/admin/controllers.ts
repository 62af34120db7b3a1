import { AdminTokenController } from './operators/admin-token.controller.js';
import { OperatorApprovalsController } from './approvals/approvals.controller.js';
import { SettingsController } from './approvals/settings.controller.js';
import { MeController } from './operators/me.controller.js';
import { MyKeysController } from './operators/my-keys.controller.js';
import { OperatorKeysController } from './operators/operator-keys.controller.js';
import { OperatorsController } from './operators/operators.controller.js';
import { ControlZoneController } from './operators/control-zone.controller.js';
import { AgentSessionsAdminController } from './sessions/agent-sessions.controller.js';
import { DelegationsAdminController } from './sessions/delegations.controller.js';
import { AuthenticatorsController } from './step-up/authenticators.controller.js';
import { ChallengesController } from './step-up/challenges.controller.js';
import { AllClientsController } from './clients/all-clients.controller.js';
import { ClientSecretsController } from './clients/client-secrets.controller.js';
import { ClientsController } from './clients/clients.controller.js';
import { DecisionsController } from './policy/decisions.controller.js';
import { AuditController } from './audit/audit.controller.js';
import { AuditDeliveryController } from './audit/audit-delivery.controller.js';
import { ZoneAuditDeliveryController } from './audit/zone-audit-delivery.controller.js';
import { ZoneAuditController } from './audit/zone-audit.controller.js';
import { CheckpointsController } from './evidence/checkpoints.controller.js';
import { ZoneCheckpointsController } from './evidence/zone-checkpoints.controller.js';
import { TransparencyLogController } from './evidence/transparency-log.controller.js';
import { ZoneTransparencyLogController } from './evidence/zone-transparency-log.controller.js';
import { ExplanationsController } from './explanations/explanations.controller.js';
import { IssuersController } from './issuers/issuers.controller.js';
import { LogLevelController } from './process/log-level.controller.js';
import { TenantClientsController } from './management/tenant-clients.controller.js';
import { TenantOutboundPoliciesController } from './management/tenant-outbound-policies.controller.js';
import { TenantScopesController } from './management/tenant-scopes.controller.js';
import { TenantAuditController } from './management/tenant-audit.controller.js';
import { TenantWebhooksController } from './management/tenant-webhooks.controller.js';
import { TenantsController } from './management/tenants.controller.js';
import { InstallationOutboundPoliciesController } from './outbound-policies/installation-outbound-policies.controller.js';
import { ZoneOutboundPoliciesController } from './outbound-policies/zone-outbound-policies.controller.js';
import { PoliciesController } from './policy/policies.controller.js';
import { PolicyDecisionsController } from './policy/policy-decisions.controller.js';
import { AccessAnalysesController } from './access-analyses/access-analyses.controller.js';
import { PolicyReplaysController } from './policy-replays/policy-replays.controller.js';
import { PolicySetsController } from './policy/policy-sets.controller.js';
import { ProofSystemsController } from './step-up/proof-systems.controller.js';
import { ResourcesController } from './zones/resources.controller.js';
import { ScopesController } from './scopes/scopes.controller.js';
import { RevocationsController } from './revocations/revocations.controller.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SigningKeysController } from './keys/signing-keys.controller.js';
import { StepUpTypesController } from './step-up/step-up-types.controller.js';
import { InstallationWebhookDeliveriesController } from './webhooks/installation-webhook-deliveries.controller.js';
import { InstallationWebhooksController } from './webhooks/installation-webhooks.controller.js';
import { WebhookDeliveriesController } from './webhooks/webhook-deliveries.controller.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';
import { ZonePolicyController } from './policy/zone-policy.controller.js';
import { ZonesController } from './zones/zones.controller.js';

/** The controllers of operators' routes, in the order in which Nest declares the routes. */
export const CONTROLLERS = [
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
  AccessAnalysesController,
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
  WebhookDeliveriesController,
  InstallationWebhooksController,
  InstallationWebhookDeliveriesController,
  InstallationOutboundPoliciesController,
  ZoneOutboundPoliciesController,
  TenantsController,
  TenantClientsController,
  TenantScopesController,
  TenantOutboundPoliciesController,
  TenantWebhooksController,
  TenantAuditController,
  AuthenticatorsController,
] as const;
