import { Module } from '@nestjs/common';
import { DelegationModule } from '../delegation.module.js';
import { LedgerModule } from '../../ledger/ledger.module.js';
import { SnapshotModule } from '../../zones/snapshot/snapshot.module.js';
import { AgentSessions } from './agent-sessions.service.js';
import { AgentSessionsController } from './agent-sessions.controller.js';
import { BearersModule } from '../../authentication/bearers.module.js';
import { DelegationEdges } from './delegation-edges.service.js';
import { DelegationsController } from './delegations.controller.js';
import { Graph } from './graph.service.js';

/** Applications let agents work for them, and delegate between them. */
@Module({
  imports: [BearersModule, DelegationModule, LedgerModule, SnapshotModule],
  controllers: [AgentSessionsController, DelegationsController],
  providers: [Graph, AgentSessions, DelegationEdges],
})
export class AgentsModule {}
