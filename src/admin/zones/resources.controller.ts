import { Body, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import type { Repository } from 'typeorm';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { Resource, type DeclaredOperation } from '../../zones/resource.entity.js';
import { Zone } from '../../zones/zone.entity.js';
import { AdminController } from '../admin-controller.js';
import { plainTypes } from './detail-type.body.js';
import { ResourceBody, ResourceChangeBody, ResourcesQuery } from './resource.body.js';
import { keyDetails, AuditedKeyChanges } from '../keys/audited-key-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { entityTag, IfMatch, Precondition, tagged } from '../entity-tag.js';
import { refuseOther } from '../field-refusals.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import { DryRunQuery } from '../dry-run.body.js';
import { DryRuns, isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { changeResource, createResource } from './resource-registration.js';
import { toView, type ResourceView } from './resource-view.js';
import { useOf, type UseOfResource } from './resource-use.js';

/** Registers, lists, changes and removes the resources of a zone. */
@AdminController('zones/:zone/resources', { noun: 'resources' })
export class ResourcesController {
  constructor(
    @InjectRepository(Resource) private readonly resources: Repository<Resource>,
    private readonly keyChanges: AuditedKeyChanges,
    private readonly dryRuns: DryRuns,
  ) {}

  /** Registers a resource. */
  @Post()
  async create(
    @InZone() { id: zoneId }: Zone,
    @Change('resource.created') change: Change,
    @Body() body: ResourceBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ResourceView> {
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
        detailTypes:
          body.authorization_details_types && plainTypes(body.authorization_details_types),
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

  /** Lists resources: all, those that are searched for, or the one of an identifier. */
  @Get()
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: ResourcesQuery,
  ): Promise<Page<ResourceView>> {
    return readPage(this.resources, { zoneId }, query, toView, [
      ...having('identifier', query.identifier),
      ...containing(['identifier', 'display_name', 'description'], query.search),
    ]);
  }

  /** Shows a resource. */
  @Get(':id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ResourceView> {
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
  ): Promise<ResourceView> {
    await findRow(this.resources, { zoneId, id }, 'resource');
    const { signing_alg: alg = null } = body;
    const intent: KeyIntent = alg === null ? { want: 'reconcile' } : { want: 'resource', alg };
    const changed = await this.keyChanges.run(change, intent, async (tx, apply) => {
      const before = await findRow(tx.getRepository(Resource), { zoneId, id }, 'resource');
      precondition.check(entityTag(toView(before)));
      refuseOther('identifier', body.identifier, before.identifier);
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
        detailTypes:
          body.authorization_details_types && plainTypes(body.authorization_details_types),
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
  @ApiResponse({ status: 200, description: 'What would be removed (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Removed' })
  async remove(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Change('resource.deleted') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<ResourceView, UseOfResource>> | undefined> {
    if (isDryRun(query)) {
      return this.dryRuns.run(response, async (tx) => {
        const resource = await findRow(tx.getRepository(Resource), { zoneId, id }, 'resource');
        const view = toView(resource);
        precondition.check(entityTag(view));
        return {
          tag: entityTag(view),
          would: { delete: view, affects: await useOf(tx, resource) },
        };
      });
    }
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
    return undefined;
  }
}

/** An operation without the class that a body has it in. */
function plain({ method, path, scope }: DeclaredOperation): DeclaredOperation {
  return { method, path, scope };
}
