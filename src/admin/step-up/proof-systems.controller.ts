import { Body, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { Zone } from '../../zones/zone.entity.js';
import { ProofSystem } from '../../step-up/proof-system.entity.js';
import { ProofSystems } from '../../step-up/proof-systems.service.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { ProofSystemBody } from './proof-system.body.js';

function toView({ id, name, types, createdAt }: ProofSystem) {
  return { id, name, types, created_at: createdAt };
}

/** Registers systems outside that may decide on challenges. */
@AdminController('zones/:zone/proof-systems')
export class ProofSystemsController {
  constructor(
    @InjectRepository(ProofSystem) private readonly rows: Repository<ProofSystem>,
    private readonly changes: AuditedChanges,
    private readonly systems: ProofSystems,
  ) {}

  /** Registers a proof system. Its secret is in the answer, this once. */
  @Post()
  async register(
    @InZone() { id: zoneId }: Zone,
    @Change('proof_system.registered') change: Change,
    @Body() { name, types = [] }: ProofSystemBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const { system, secret } = await this.changes.run(change, async (tx) => {
      const result = await this.systems.register(tx, zoneId, { name, types: [...new Set(types)] });
      return { result, details: { proof_system: toView(result.system) } };
    });
    response.location(`/internal/zones/${zoneId}/proof-systems/${system.id}`);
    return { ...toView(system), secret };
  }

  /** Lists proof systems. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.rows, { zoneId }, page, toView);
  }

  /** Shows a proof system. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return toView(await findRow(this.rows, { zoneId, id }, 'proof system'));
  }

  /** Removes a proof system: nothing that it signs counts any more. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('proof_system.removed') change: Change,
  ): Promise<void> {
    await this.changes.run(change, async (tx) => {
      const systems = tx.getRepository(ProofSystem);
      const system = await findRow(systems, { zoneId, id }, 'proof system');
      await systems.delete({ zoneId, id });
      return { result: undefined, details: { proof_system: toView(system) } };
    });
  }
}
