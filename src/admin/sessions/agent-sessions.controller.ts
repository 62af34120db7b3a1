import { Delete, Get, HttpCode, Param, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { IsNull, type Repository } from 'typeorm';
import { Zone } from '../../zones/zone.entity.js';
import { AgentSession } from '../../delegation/agent-session.entity.js';
import {
  describeAgentSession,
  type AgentSessionView,
} from '../../delegation/describe-agent-session.js';
import { END_BELOW_AGENT_SESSION } from '../../delegation/end-agent-sessions.js';
import { AdminController } from '../admin-controller.js';
import type { Administered } from '../administered.js';
import { UrgentChange, type Change } from '../change.js';
import { affectedBy, type AffectedByEnd } from './affected-by-end.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { Deletions } from '../deletions.service.js';
import { DryRunQuery } from '../dry-run.body.js';
import type { DryRun, WouldDelete } from '../dry-runs.service.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { being, having, readPage, type Page } from '../pagination.js';
import { AgentSessionsQuery } from './sessions.body.js';

// What can be seen in the row first: what is above it takes longer to look at.
const ALIVE =
  'row.ended_at IS NULL AND row.expires_at > clock_timestamp() AND agent_session_live(row.zone_id, row.id)';

const AGENT_SESSIONS: Administered<AgentSession, AgentSessionView> = {
  entity: AgentSession,
  noun: 'agent session',
  recordedAs: 'agent_session',
  view: (_tx, row) => describeAgentSession(row),
};

/** Shows which agents are at work in a zone, and ends them. */
@AdminController('zones/:zone/agent-sessions', { noun: 'sessions' })
export class AgentSessionsAdminController {
  constructor(
    @InjectRepository(AgentSession) private readonly sessions: Repository<AgentSession>,
    private readonly deletions: Deletions,
  ) {}

  /** Lists agent sessions: all, ended and expired ones too while they are kept, or those of an application or a session. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: AgentSessionsQuery,
  ): Promise<Page<AgentSessionView>> {
    return readPage(this.sessions, { zoneId }, query, describeAgentSession, [
      ...having('client_id', query.client_id),
      ...having('session_id', query.session_id),
      ...being(ALIVE, query.live),
    ]);
  }

  /** Shows an agent session. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AgentSessionView> {
    const row = await findRow(this.sessions, { zoneId, id }, 'agent session');
    return tagged(response, describeAgentSession(row));
  }

  /** Ends an agent session and all that hangs below it. Ending it again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be ended (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Ended' })
  async end(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('agent_session.ended') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<AgentSessionView, AffectedByEnd>> | undefined> {
    const deletion = { change, precondition, query, response };
    return this.deletions.run(deletion, AGENT_SESSIONS, {
      where: { zoneId, id },
      affects: (tx) => affectedBy(tx, zoneId, { kind: 'agent_session_id', name: id }),
      end: async (tx, { clientId }) => {
        const open = { zoneId, id, endedAt: IsNull() };
        await tx.getRepository(AgentSession).update(open, { endedAt: () => 'clock_timestamp()' });
        await tx.query(END_BELOW_AGENT_SESSION, [zoneId, clientId, id]);
      },
    });
  }
}
