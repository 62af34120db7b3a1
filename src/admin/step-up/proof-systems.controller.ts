import { Body, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { EntityManager } from 'typeorm';
import { requestIdOf } from '../../platform/http/request-id.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { ProofSystem } from '../../step-up/proof-system.entity.js';
import { ProofSystems } from '../../step-up/proof-systems.service.js';
import { AdminController } from '../admin-controller.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { ProofSystemBody } from './proof-system.body.js';

function view({ id, name, types, createdAt }: ProofSystem) {
  return { id, name, types, created_at: createdAt };
}

/** Registers systems outside that may decide on challenges. */
@AdminController('zones/:zone/proof-systems')
export class ProofSystemsController {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly systems: ProofSystems,
  ) {}

  /** Registers a proof system. Its secret is in the answer, this once. */
  @Post()
  async register(
    @Param('zone') zoneId: string,
    @Body() { name, types = [] }: ProofSystemBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    await zoneExists(this.changes.read, zoneId);
    const change = { zoneId, requestId: requestIdOf(request), type: 'proof_system.registered' };
    const { system, secret } = await this.changes.run(change, async (tx) => {
      const result = await this.systems.register(tx, zoneId, { name, types: [...new Set(types)] });
      return { result, details: { proof_system: view(result.system) } };
    });
    response.location(`/internal/zones/${zoneId}/proof-systems/${system.id}`);
    return { ...view(system), secret };
  }

  /** Lists proof systems. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, ProofSystem, { zoneId }, page, view);
  }

  /** Shows a proof system. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return view(await find(this.changes.read, zoneId, id));
  }

  /** Removes a proof system: nothing that it signs counts any more. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    const change = { zoneId, requestId: requestIdOf(request), type: 'proof_system.removed' };
    await this.changes.run(change, async (tx) => {
      const system = await find(tx, zoneId, id);
      await tx.delete(ProofSystem, { zoneId, id });
      return { result: undefined, details: { proof_system: view(system) } };
    });
  }
}

async function find(tx: EntityManager, zoneId: string, id: string): Promise<ProofSystem> {
  await zoneExists(tx, zoneId);
  return found(isUuid(id) ? await tx.findOneBy(ProofSystem, { zoneId, id }) : null, 'proof system');
}
