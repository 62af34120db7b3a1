import { Body, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { requestIdOf } from '../../platform/http/request-id.js';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { Resource } from '../../zones/resource.entity.js';
import { AdminController } from '../admin-controller.js';
import { ResourceBody } from './zone.body.js';
import { keyDetails, AuditedKeyChanges } from '../keys/audited-key-changes.service.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { createResource } from './zone-registration.js';

function view(row: Resource) {
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
    private readonly changes: AuditedChanges,
    private readonly keyChanges: AuditedKeyChanges,
  ) {}

  /** Registers a resource. */
  @Post()
  async create(
    @Param('zone') zoneId: string,
    @Body() body: ResourceBody,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    const change = { zoneId, requestId: requestIdOf(request), type: 'resource.created' };
    await zoneExists(this.changes.read, zoneId);
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
      return { result, details: { resource: view(result), ...keys } };
    });
    response.location(`/internal/zones/${zoneId}/resources/${resource.id}`);
    return view(resource);
  }

  /** Lists resources. */
  @Get()
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, Resource, { zoneId }, page, view);
  }

  /** Shows a resource. */
  @Get(':id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return view(await this.find(zoneId, id));
  }

  /** Removes a resource; nothing is minted for it any more. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    await this.find(zoneId, id);
    const change = { zoneId, requestId: requestIdOf(request), type: 'resource.deleted' };
    const intent: KeyIntent = { want: 'reconcile' };
    await this.keyChanges.run(change, intent, async (tx, apply) => {
      const resource = found(await tx.findOne(Resource, { where: { zoneId, id } }), 'resource');
      await tx.delete(Resource, { zoneId, id });
      const keys = resource.signingAlg === null ? {} : keyDetails(await apply());
      return { result: undefined, details: { resource: view(resource), ...keys } };
    });
  }

  private async find(zoneId: string, id: string): Promise<Resource> {
    await zoneExists(this.changes.read, zoneId);
    const row = isUuid(id)
      ? await this.changes.read.findOne(Resource, { where: { zoneId, id } })
      : null;
    return found(row, 'resource');
  }
}
