import { Body, Controller, Delete, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { describeAgentSession } from '../describe-agent-session.js';
import { AgentSessionBody } from './agent-session.body.js';
import { AgentSessions } from './agent-sessions.service.js';
import { ApplicationRoutes, AskedFor, known } from './application-routes.js';
import type { Asked } from './graph.service.js';

/** Opens agent sessions for applications, keeps them alive and ends them. */
@Controller('agent-sessions')
@ApplicationRoutes()
export class AgentSessionsController {
  constructor(private readonly sessions: AgentSessions) {}

  /** Opens an agent session. */
  @Post()
  async open(
    @Body() body: AgentSessionBody,
    @AskedFor('agent_session.opened') asked: Asked,
    @Res({ passthrough: true }) response: Response,
  ) {
    const session = await this.sessions.open(asked, body);
    response.location(`/agent-sessions/${session.id}`);
    return describeAgentSession(session);
  }

  /** Shows an agent session of the application. */
  @Get(':id')
  async show(@Param('id') id: string, @AskedFor('agent_session.shown') asked: Asked) {
    return describeAgentSession(known(await this.sessions.show(asked, id), 'agent session'));
  }

  /** Keeps a service alive. */
  @Post(':id/heartbeat')
  @HttpCode(200)
  async beat(@Param('id') id: string, @AskedFor('agent_session.heartbeat') asked: Asked) {
    return describeAgentSession(known(await this.sessions.beat(asked, id), 'agent session'));
  }

  /** Ends an agent session and all that hangs below it. Ending it again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  async end(@Param('id') id: string, @AskedFor('agent_session.ended') asked: Asked): Promise<void> {
    const ended = await this.sessions.end(asked, id);
    known(ended ? ended : null, 'agent session');
  }
}
