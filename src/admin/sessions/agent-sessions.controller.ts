import { Delete, Get, HttpCode, Param, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { IsNull } from 'typeorm';
import { requestIdOf } from '../../platform/http/request-id.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { AgentSession } from '../../delegation/agent-session.entity.js';
import { describeAgentSession } from '../../delegation/describe-agent-session.js';
import { AdminController } from '../admin-controller.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

/** Shows which agents are at work in a zone, and ends them. */
@AdminController('zones/:zone/agent-sessions')
export class AgentSessionsAdminController {
  constructor(private readonly changes: AuditedChanges) {}

  /** Lists agent sessions, ended and expired ones too while they are kept. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, AgentSession, { zoneId }, page, describeAgentSession);
  }

  /** Shows an agent session. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return describeAgentSession(await this.find(zoneId, id));
  }

  /** Ends an agent session and all that hangs below it. Ending it again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  async end(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    const session = await this.find(zoneId, id);
    const change = { zoneId, requestId: requestIdOf(request), type: 'agent_session.ended' };
    await this.changes.run(change, async (tx) => {
      await tx.update(
        AgentSession,
        { zoneId, id, endedAt: IsNull() },
        { endedAt: () => 'clock_timestamp()' },
      );
      return { result: undefined, details: { agent_session: describeAgentSession(session) } };
    });
  }

  private async find(zoneId: string, id: string): Promise<AgentSession> {
    await zoneExists(this.changes.read, zoneId);
    const row = isUuid(id)
      ? await this.changes.read.findOne(AgentSession, { where: { zoneId, id } })
      : null;
    return found(row, 'agent session');
  }
}
