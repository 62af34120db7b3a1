import { Body, Controller, Delete, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ApiHeader, ApiParam } from '../../platform/http/openapi-decorators.js';
import { TolerantBodies } from '../../platform/http/strict-bodies.js';
import {
  ApplicationRoutes,
  AskedFor,
  IdempotencyKey,
  known,
} from '../agents/application-routes.js';
import type { Asked } from '../agents/graph.service.js';
import { EndBody, HeartbeatBody, ZoneAgentBody } from './zone-agent.body.js';
import { said } from './said.js';
import { ZoneAgents } from './zone-agents.service.js';
import { answerOfAgent } from './zone-answers.js';

/** Agent sessions at the paths, and in the words, of Caracal's coordinator, for its SDKs. */
@Controller('zones/:zone/agents')
@ApplicationRoutes(TolerantBodies())
@ApiParam({ name: 'zone', description: 'the zone of the bearer' })
export class ZoneAgentsController {
  constructor(private readonly agents: ZoneAgents) {}

  /** Opens an agent session. With an `Idempotency-Key` a repetition answers the one that is there. */
  @Post()
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  async open(
    @Body() body: ZoneAgentBody,
    @IdempotencyKey() key: string | null,
    @AskedFor('agent_session.opened') asked: Asked,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { session, edgeId, replayed } = await this.agents.open(asked, said(body), key);
    response.location(`/zones/${session.zoneId}/agents/${session.id}`);
    if (replayed) response.set('Idempotency-Replayed', 'true');
    return answerOfAgent(session, edgeId);
  }

  /** Shows an agent session of the application. */
  @Get(':id')
  async show(@Param('id') id: string, @AskedFor('agent_session.shown') asked: Asked) {
    return answerOfAgent(known(await this.agents.show(asked, id), 'agent session'));
  }

  /** Keeps a service alive. */
  @Post(':id/heartbeat')
  @HttpCode(200)
  async beat(
    @Param('id') id: string,
    @Body() body: HeartbeatBody,
    @AskedFor('agent_session.heartbeat') asked: Asked,
  ) {
    const beaten = await this.agents.beat(asked, id, body?.lease_generation ?? null);
    return { agent: answerOfAgent(known(beaten, 'agent session')) };
  }

  /** Takes the lease of a service over from the process that had it. */
  @Post(':id/lease')
  @HttpCode(200)
  async takeLease(@Param('id') id: string, @AskedFor('agent_session.leased') asked: Asked) {
    return answerOfAgent(known(await this.agents.takeLease(asked, id), 'agent session'));
  }

  /** Ends an agent session and all that hangs below it. Ending it again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  async end(
    @Param('id') id: string,
    @Body() body: EndBody,
    @AskedFor('agent_session.ended') asked: Asked,
  ): Promise<void> {
    const ended = await this.agents.end(asked, id, body?.lease_generation ?? null);
    known(ended ? ended : null, 'agent session');
  }
}
