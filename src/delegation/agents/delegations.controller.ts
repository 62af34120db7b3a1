import { Body, Controller, Delete, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { describeEdge } from '../describe-edge.js';
import { ApplicationRoutes, AskedFor, known } from './application-routes.js';
import type { Asked } from './graph.service.js';
import { DelegationBody } from './delegation.body.js';
import { DelegationEdges } from './delegation-edges.service.js';

/** Delegates from an application's agent session to another one, and takes it back. */
@Controller('delegations')
@ApplicationRoutes()
export class DelegationsController {
  constructor(private readonly edges: DelegationEdges) {}

  /** Delegates to an agent session: at once to one of the same application, else once that has accepted. */
  @Post()
  async make(
    @Body() body: DelegationBody,
    @AskedFor('delegation.created') asked: Asked,
    @Res({ passthrough: true }) response: Response,
  ) {
    const edge = await this.edges.make(asked, body);
    response.location(`/delegations/${edge.id}`);
    return describeEdge(edge);
  }

  /** Shows a delegation that the application has issued or received. */
  @Get(':id')
  async show(@Param('id') id: string, @AskedFor('delegation.shown') asked: Asked) {
    return describeEdge(known(await this.edges.show(asked, id), 'delegation'));
  }

  /** Accepts a delegation of another application. Accepting it again changes nothing. */
  @Post(':id/accept')
  @HttpCode(200)
  async accept(@Param('id') id: string, @AskedFor('delegation.accepted') asked: Asked) {
    return describeEdge(known(await this.edges.accept(asked, id), 'delegation'));
  }

  /** Revokes or declines a delegation, with all that it was handed on as. Doing so again changes nothing. */
  @Delete(':id')
  @HttpCode(204)
  async revoke(
    @Param('id') id: string,
    @AskedFor('delegation.revoked') asked: Asked,
  ): Promise<void> {
    const revoked = await this.edges.revoke(asked, id);
    known(revoked ? revoked : null, 'delegation');
  }
}
