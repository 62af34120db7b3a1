import { Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuthenticationModule } from '../../authentication/authentication.module.js';
import { SessionBearerGuard } from '../../authentication/session-bearer.guard.js';
import { readJsonBody } from '../../platform/http/json-body.js';
import { guardUnknownRoutes } from '../../platform/http/unknown-routes.js';
import { Delegations } from '../delegations.service.js';
import { LedgerModule } from '../../ledger/ledger.module.js';
import { AgentSessions } from './agent-sessions.service.js';
import { AgentSessionsController } from './agent-sessions.controller.js';
import { ZoneAgentsController } from '../coordinator/zone-agents.controller.js';
import { ZoneAgents } from '../coordinator/zone-agents.service.js';
import { ZoneDelegationsController } from '../coordinator/zone-delegations.controller.js';
import { ZoneDelegations } from '../coordinator/zone-delegations.service.js';
import { DelegationEdges } from './delegation-edges.service.js';
import { DelegationsController } from './delegations.controller.js';
import { Graph } from './graph.service.js';

/** Applications let agents work for them, and delegate between them. */
@Module({
  imports: [AuthenticationModule, LedgerModule],
  controllers: [
    AgentSessionsController,
    DelegationsController,
    ZoneAgentsController,
    ZoneDelegationsController,
  ],
  providers: [
    Delegations,
    Graph,
    AgentSessions,
    DelegationEdges,
    ZoneAgents,
    ZoneDelegations,
    SessionBearerGuard,
  ],
})
export class AgentsModule implements OnModuleInit {
  constructor(
    private readonly http: HttpAdapterHost,
    private readonly bearers: SessionBearerGuard,
  ) {}

  onModuleInit(): void {
    guardUnknownRoutes(this.http, {
      paths: ['/agent-sessions', '/delegations', '/zones/:zone/agents', '/zones/:zone/delegations'],
      checks: [(request) => this.bearers.admit(request), readJsonBody],
    });
  }
}
