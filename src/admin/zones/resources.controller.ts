import { Body, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { Resource, type DeclaredOperation } from '../../zones/resource.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { ResourceBody, ResourceChangeBody } from './resource.body.js';
import { keyDetails, AuditedKeyChanges } from '../keys/audited-key-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';
import { changeResource, createResource } from './resource-registration.js';

function toView(row: Resource) {
  return {
    id: row.id,
    identifier: row.identifier,
    scopes: row.scopes,
    ...(row.displayName === null ? {} : { display_name: row.displayName }),
    ...(row.description === null ? {} : { description: row.description }),
    ...(row.scopeDescriptions.length === 0 ? {} : { scope_descriptions: row.scopeDescriptions }),
    upstream_url: row.upstreamUrl,
    owner_client_id: row.ownerClientId,
    access: row.access,
    operations: row.operations,
    ...(row.signingAlg === null ? {} : { signing_alg: row.signingAlg }),
    token_typ: row.tokenTyp,
    ...(row.revocation === null ? {} : { revocation: row.revocation }),
    listed: row.listed,
    introspection_client_ids: row.introspectionClientIds,
    created_at: row.createdAt,
  };
}

/** Registers, lists, changes and removes the resources of a zone. */
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
        displayName: body.display_name,
        description: body.description,
        scopeDescriptions: body.scope_descriptions,
        upstreamUrl: body.upstream_url,
        ownerClientId: body.owner_client_id,
        access: body.access,
        signingAlg: body.signing_alg,
        tokenTyp: body.token_typ,
        operations: body.operations?.map(plain),
        revocation: body.revocation,
        listed: body.listed,
        introspectionClientIds: body.introspection_client_ids,
      });
      const keys = keyDetails(await apply());
      return { result, details: { resource: toView(result), ...keys } };
    });
    response.location(`/internal/zones/${zoneId}/resources/${resource.id}`);
    return tagged(response, toView(resource));
  }

  /** Lists resources. */
  @Get()
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.resources, { zoneId }, page, toView);
  }

  /** Shows a resource. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ) {
    return tagged(response, toView(await findRow(this.resources, { zoneId, id }, 'resource')));
  }

  /**
   * Changes a resource (a merge patch, RFC 7396). Decisions are made on what it is from the next request on; mandates
   * that are out stay as they are.
   */
  @Patch(':id')
  async change(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('resource.changed') change: Change,
    @IfMatch() precondition: Precondition,
    @Body() body: ResourceChangeBody,
    @Res({ passthrough: true }) response: Response,
  ) {
    await findRow(this.resources, { zoneId, id }, 'resource');
    const { signing_alg: alg = null } = body;
    const intent: KeyIntent = alg === null ? { want: 'reconcile' } : { want: 'resource', alg };
    const changed = await this.keyChanges.run(change, intent, async (tx, apply) => {
      const before = await findRow(tx.getRepository(Resource), { zoneId, id }, 'resource');
      precondition.check(entityTag(toView(before)));
      const result = await changeResource(tx, before, {
        scopes: body.scopes,
        displayName: body.display_name,
        description: body.description,
        scopeDescriptions: body.scope_descriptions,
        upstreamUrl: body.upstream_url,
        ownerClientId: body.owner_client_id,
        access: body.access,
        signingAlg: body.signing_alg,
        tokenTyp: body.token_typ,
        operations: body.operations === null ? null : body.operations?.map(plain),
        revocation: body.revocation,
        listed: body.listed,
        introspectionClientIds: body.introspection_client_ids,
      });
      const keys = result.signingAlg === before.signingAlg ? {} : keyDetails(await apply());
      return { result, details: { before: toView(before), after: toView(result), ...keys } };
    });
    return tagged(response, toView(changed));
  }

  /** Removes a resource; nothing is minted for it any more. */
  @Delete(':id')
  @HttpCode(204)
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('resource.deleted') change: Change,
    @IfMatch() precondition: Precondition,
  ): Promise<void> {
    await findRow(this.resources, { zoneId, id }, 'resource');
    const intent: KeyIntent = { want: 'reconcile' };
    await this.keyChanges.run(change, intent, async (tx, apply) => {
      const resources = tx.getRepository(Resource);
      const resource = await findRow(resources, { zoneId, id }, 'resource');
      precondition.check(entityTag(toView(resource)));
      await resources.delete({ zoneId, id });
      const keys = resource.signingAlg === null ? {} : keyDetails(await apply());
      return { result: undefined, details: { resource: toView(resource), ...keys } };
    });
  }
}

/** An operation without the class that a body has it in. */
function plain({ method, path, scope }: DeclaredOperation): DeclaredOperation {
  return { method, path, scope };
}
