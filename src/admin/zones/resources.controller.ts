import { Body, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { Resource } from '../../zones/resource.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { ResourceBody } from './zone.body.js';
import { keyDetails, AuditedKeyChanges } from '../keys/audited-key-changes.service.js';
import { Change } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { createResource } from './zone-registration.js';

function toView(row: Resource) {
  return {
    id: row.id,
    identifier: row.identifier,
    scopes: row.scopes,
    upstream_url: row.upstreamUrl,
    owner_client_id: row.ownerClientId,
    access: row.access,
    operations: row.operations,
    ...(row.signingAlg === null ? {} : { signing_alg: row.signingAlg }),
    created_at: row.createdAt,
  };
}

/** Registers, lists and removes the resources of a zone. */
@AdminController('zones/:zone/resources')
export class ResourcesController {
  constructor(
    @InjectRepository(Resource) private readonly resources: Repository<Resource>,
    private readonly keyChanges: AuditedKeyChanges,
  ) {}

  /** Registers a resource. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('resource.created') change: Change,
    @Body() body: ResourceBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    const intent: KeyIntent = { want: 'resource', alg: body.signing_alg ?? null };
    const resource = await this.keyChanges.run(change, intent, async (tx, apply) => {
      const result = await createResource(tx, zoneId, {
        identifier: body.identifier,
        scopes: body.scopes,
        upstreamUrl: body.upstream_url,
        ownerClientId: body.owner_client_id,
        access: body.access,
        signingAlg: body.signing_alg,
        operations: body.operations?.map(({ method, path, scope }) => ({ method, path, scope })),
      });
      const keys = keyDetails(await apply());
      return { result, details: { resource: toView(result), ...keys } };
    });
    response.location(`/internal/zones/${zoneId}/resources/${resource.id}`);
    return toView(resource);
  }

  /** Lists resources. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.resources, { zoneId }, page, toView);
  }

  /** Shows a resource. */
  @Get(':id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return toView(await findRow(this.resources, { zoneId, id }, 'resource'));
  }

  /** Removes a resource; nothing is minted for it any more. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('resource.deleted') change: Change,
  ): Promise<void> {
    await findRow(this.resources, { zoneId, id }, 'resource');
    const intent: KeyIntent = { want: 'reconcile' };
    await this.keyChanges.run(change, intent, async (tx, apply) => {
      const resources = tx.getRepository(Resource);
      const resource = await findRow(resources, { zoneId, id }, 'resource');
      await resources.delete({ zoneId, id });
      const keys = resource.signingAlg === null ? {} : keyDetails(await apply());
      return { result: undefined, details: { resource: toView(resource), ...keys } };
    });
  }
}
