import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import type { Response } from 'express';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ApiHeader, ApiParam } from '../../platform/http/openapi-decorators.js';
import { TolerantBodies } from '../../platform/http/strict-bodies.js';
import {
  ApplicationRoutes,
  AskedFor,
  IdempotencyKey,
  known,
} from '../agents/application-routes.js';
import { DelegationEdges } from '../agents/delegation-edges.service.js';
import type { Asked } from '../agents/graph.service.js';
import { said } from './said.js';
import { answerOfEdge } from './zone-answers.js';
import { InboundQuery, ZoneDelegationBody } from './zone-delegation.body.js';
import { ZoneDelegations } from './zone-delegations.service.js';

/** Delegations at the paths, and in the words, of Caracal's coordinator, for its SDKs. */
@Controller('zones/:zone/delegations')
@ApplicationRoutes(TolerantBodies())
@ApiParam({ name: 'zone', description: 'the zone of the bearer' })
export class ZoneDelegationsController {
  constructor(
    private readonly delegations: ZoneDelegations,
    private readonly edges: DelegationEdges,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Delegates to an agent session. With an `Idempotency-Key` a repetition answers the delegation that is there. */
  @Post()
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  async make(
    @Body() body: ZoneDelegationBody,
    @IdempotencyKey() key: string | null,
    @AskedFor('delegation.created') asked: Asked,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { edge, replayed } = await this.delegations.make(asked, said(body), key);
    response.location(`/zones/${edge.zoneId}/delegations/${edge.id}`);
    if (replayed) response.set('Idempotency-Replayed', 'true');
    return answerOfEdge(edge, this.clock.now());
  }

  /** Lists the delegations to an agent session of the application, the last one first. */
  @Get('inbound/:session')
  async inbound(
    @Param('session') session: string,
    @Query() { limit = 100, cursor }: InboundQuery,
    @AskedFor('delegation.listed') asked: Asked,
  ) {
    const found = await this.delegations.inbound(asked, session, {
      limit,
      cursor: cursor ?? null,
    });
    const edges = known(found, 'agent session');
    const next = edges.length < limit ? null : (edges.at(-1)?.id ?? null);
    return { items: edges.map((edge) => answerOfEdge(edge, this.clock.now())), next_cursor: next };
  }

  /** Shows a delegation to an agent session of the application. */
  @Get('inbound/:session/:id')
  async showInbound(
    @Param('session') session: string,
    @Param('id') id: string,
    @AskedFor('delegation.shown') asked: Asked,
  ) {
    const edge = await this.delegations.inboundEdge(asked, session, id);
    return answerOfEdge(known(edge, 'delegation'), this.clock.now());
  }

  /** Shows a delegation that the application has issued or received. */
  @Get(':id')
  async show(@Param('id') id: string, @AskedFor('delegation.shown') asked: Asked) {
    return answerOfEdge(known(await this.edges.show(asked, id), 'delegation'), this.clock.now());
  }

  /** Revokes or declines a delegation, with all that it was handed on as. Doing so again changes nothing. */
  @Patch(':id/revoke')
  @HttpCode(204)
  async revoke(
    @Param('id') id: string,
    @AskedFor('delegation.revoked') asked: Asked,
  ): Promise<void> {
    known((await this.edges.revoke(asked, id)) ? id : null, 'delegation');
  }

  /** The same. */
  @Delete(':id')
  @HttpCode(204)
  remove(@Param('id') id: string, @AskedFor('delegation.revoked') asked: Asked): Promise<void> {
    return this.revoke(id, asked);
  }
}
