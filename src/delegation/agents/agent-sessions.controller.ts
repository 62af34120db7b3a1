import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { describeAgentSession } from '../describe-agent-session.js';
import { AgentSessionBody } from './agent-session.body.js';
import { AgentSessions } from './agent-sessions.service.js';
import { ApplicationRoutes, askedBy, known } from './application-routes.js';

/** Opens agent sessions for applications, keeps them alive and ends them. */
@Controller('agent-sessions')
@ApplicationRoutes()
export class AgentSessionsController {
  constructor(private readonly sessions: AgentSessions) {}

  /** Opens an agent session. */
  @Post()
  async open(
    @Body() body: AgentSessionBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const session = await this.sessions.open(askedBy(request, 'agent_session.opened'), body);
    response.location(`/agent-sessions/${session.id}`);
    return describeAgentSession(session);
  }

  /** Shows an agent session of the application. */
  @Get(':id')
  async show(@Param('id') id: string, @Req() request: Request) {
    const asked = askedBy(request, 'agent_session.shown');
    return describeAgentSession(known(await this.sessions.show(asked, id), 'agent session'));
  }

  /** Keeps a service alive. */
  @Post(':id/heartbeat')
  @HttpCode(200)
  async beat(@Param('id') id: string, @Req() request: Request) {
    const asked = askedBy(request, 'agent_session.heartbeat');
    return describeAgentSession(known(await this.sessions.beat(asked, id), 'agent session'));
  }

  /** Ends an agent session and all that hangs below it. Ending it again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  async end(@Param('id') id: string, @Req() request: Request): Promise<void> {
    const ended = await this.sessions.end(askedBy(request, 'agent_session.ended'), id);
    known(ended ? ended : null, 'agent session');
  }
}
