import { ConflictException, UnprocessableEntityException } from '@nestjs/common';
import { In, IsNull, Not, type EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { MANDATE_TYP, type MandateTyp } from '../../oauth/vocabulary.js';
import { problemOfTypes, type DetailType } from '../../oauth/authorization-details/detail-type.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { Client } from '../../zones/clients/client.entity.js';
import {
  Resource,
  type DeclaredOperation,
  type DescribedScope,
  type RevocationChannel,
} from '../../zones/resource.entity.js';

/** What a resource is registered with. */
export interface ResourceRegistration {
  readonly identifier: string;
  readonly scopes: readonly string[];
  readonly displayName?: string | undefined;
  readonly description?: string | undefined;
  readonly scopeDescriptions?: readonly DescribedScope[] | undefined;
  readonly detailTypes?: readonly DetailType[] | undefined;
  readonly upstreamUrl?: string | undefined;
  readonly ownerClientId?: string | undefined;
  readonly operations?: readonly DeclaredOperation[] | undefined;
  readonly access?: 'direct' | 'gateway' | undefined;
  readonly signingAlg?: ZoneAlg | undefined;
  readonly tokenTyp?: MandateTyp | undefined;
  readonly revocation?: RevocationChannel | undefined;
  readonly listed?: boolean | undefined;
  readonly introspectionClientIds?: readonly string[] | undefined;
}

/**
 * Registers a resource in a zone.
 *
 * @throws {ConflictException} for an owner that is being removed
 * @throws {UnprocessableEntityException} for a client that is to introspect and is none of the zone, and for a
 *   description of a scope that the resource does not have
 */
export async function createResource(
  tx: EntityManager,
  zoneId: string,
  registration: ResourceRegistration,
): Promise<Resource> {
  await checkOwner(tx, zoneId, registration.ownerClientId);
  const introspecting = registration.introspectionClientIds ?? [];
  const id = uuidv7();
  const resources = tx.getRepository(Resource);
  await resources.insert({
    zoneId,
    id,
    identifier: registration.identifier,
    scopes: inOrder(registration.scopes),
    displayName: registration.displayName ?? null,
    description: registration.description ?? null,
    scopeDescriptions: checkDescriptions(registration.scopeDescriptions ?? [], registration.scopes),
    detailTypes: checkDetailTypes(registration.detailTypes ?? [], registration.scopes),
    upstreamUrl: registration.upstreamUrl ?? null,
    ownerClientId: registration.ownerClientId ?? null,
    access: registration.access ?? 'direct',
    signingAlg: registration.signingAlg ?? null,
    tokenTyp: registration.tokenTyp ?? MANDATE_TYP,
    operations: [...(registration.operations ?? [])],
    revocation: registration.revocation ?? null,
    listed: registration.listed ?? false,
    introspectionClientIds: await checkIntrospecting(tx, zoneId, introspecting, []),
  });
  return resources.findOneByOrFail({ zoneId, id });
}

/** What is to change of a resource. What is left out stays, `null` takes away. */
export type ResourceChange = {
  readonly [name in Exclude<keyof ResourceRegistration, 'identifier' | 'scopes'>]?:
    ResourceRegistration[name] | null;
} & { readonly scopes?: readonly string[] | undefined };

/**
 * Changes a resource. Mandates that were minted before stay as they are until they expire.
 *
 * @param before the resource as it is
 * @throws {ConflictException} for an owner that is being removed
 * @throws {UnprocessableEntityException} for a client that is to introspect and is none of the zone
 */
export async function changeResource(
  tx: EntityManager,
  before: Resource,
  change: ResourceChange,
): Promise<Resource> {
  const { zoneId, id } = before;
  await checkOwner(tx, zoneId, change.ownerClientId);
  const resources = tx.getRepository(Resource);
  const { scopes, upstreamUrl, ownerClientId, access, signingAlg, tokenTyp, operations } = change;
  const { revocation, listed, introspectionClientIds: wanted } = change;
  const introspectionClientIds =
    wanted === undefined
      ? undefined
      : await checkIntrospecting(tx, zoneId, wanted ?? [], before.introspectionClientIds);
  const { displayName, description, scopeDescriptions } = change;
  const columns = {
    ...(displayName === undefined ? {} : { displayName }),
    ...(description === undefined ? {} : { description }),
    ...describedScopes(before, scopes, scopeDescriptions),
    ...declaredTypes(before, scopes, change.detailTypes),
    ...(scopes === undefined ? {} : { scopes: inOrder(scopes) }),
    ...(upstreamUrl === undefined ? {} : { upstreamUrl }),
    ...(ownerClientId === undefined ? {} : { ownerClientId }),
    ...(access === undefined ? {} : { access: access ?? 'direct' }),
    ...(signingAlg === undefined ? {} : { signingAlg }),
    ...(tokenTyp === undefined ? {} : { tokenTyp: tokenTyp ?? MANDATE_TYP }),
    ...(operations === undefined ? {} : { operations: [...(operations ?? [])] }),
    ...(revocation === undefined ? {} : { revocation }),
    ...(listed === undefined ? {} : { listed: listed ?? false }),
    ...(introspectionClientIds === undefined ? {} : { introspectionClientIds }),
  };
  if (Object.keys(columns).length > 0) {
    await resources.update({ zoneId, id }, { ...columns, updatedAt: () => 'clock_timestamp()' });
  }
  return resources.findOneByOrFail({ zoneId, id });
}

/** The words for the scopes after a change: what is replaced is checked, and what is not goes with its scope. */
function describedScopes(
  before: Resource,
  scopes: readonly string[] = before.scopes,
  wanted?: readonly DescribedScope[] | null,
): Partial<Pick<Resource, 'scopeDescriptions'>> {
  if (wanted !== undefined) return { scopeDescriptions: checkDescriptions(wanted ?? [], scopes) };
  if (before.scopeDescriptions.every(({ scope }) => scopes.includes(scope))) return {};
  return {
    scopeDescriptions: before.scopeDescriptions.filter(({ scope }) => scopes.includes(scope)),
  };
}

/** The types of details after a change. One that goes with a scope is not left without it. */
function declaredTypes(
  before: Resource,
  scopes: readonly string[] = before.scopes,
  wanted?: readonly DetailType[] | null,
): Partial<Pick<Resource, 'detailTypes'>> {
  if (wanted !== undefined) return { detailTypes: checkDetailTypes(wanted ?? [], scopes) };
  checkDetailTypes(before.detailTypes, scopes);
  return {};
}

function checkDetailTypes(types: readonly DetailType[], scopes: readonly string[]): DetailType[] {
  const problem = problemOfTypes(types, scopes);
  if (problem === null) return [...types];
  throw new UnprocessableEntityException(`authorization_details_types: ${problem}`);
}

/** @returns the same, in the order of their scopes */
function checkDescriptions(
  described: readonly DescribedScope[],
  scopes: readonly string[],
): DescribedScope[] {
  const names = described.map(({ scope }) => scope);
  const problem = names.find((scope, i) => !scopes.includes(scope) || names.indexOf(scope) !== i);
  if (problem !== undefined) {
    throw new UnprocessableEntityException(
      `scope_descriptions: ${problem} is no scope of the resource, or is described twice`,
    );
  }
  return described
    .map(({ scope, description }) => ({ scope, description }))
    .toSorted((one, other) => (one.scope < other.scope ? -1 : 1));
}

function inOrder(scopes: readonly string[]): string[] {
  return [...new Set(scopes)].toSorted();
}

/** The row of a client that is being removed is still there. */
async function checkOwner(
  tx: EntityManager,
  zoneId: string,
  id: string | null | undefined,
): Promise<void> {
  if (id === null || id === undefined) return;
  const going = { zoneId, id, removedAt: Not(IsNull()) };
  if (await tx.getRepository(Client).existsBy(going)) {
    throw new ConflictException('the owner is being removed');
  }
}

/**
 * Checks the clients that are to introspect mandates for a resource. What is added must be a client of the zone; one that
 * was there before may stay although it has been removed since, and then nobody is it.
 *
 * @returns the same, each once, in order
 */
async function checkIntrospecting(
  tx: EntityManager,
  zoneId: string,
  wanted: readonly string[],
  before: readonly string[],
): Promise<string[]> {
  const ids = [...new Set(wanted.map((id) => id.toLowerCase()))].toSorted();
  const added = ids.filter((id) => !before.includes(id));
  const rows = await tx
    .getRepository(Client)
    .findBy({ zoneId, id: In(added), removedAt: IsNull() });
  const known = new Set(rows.map(({ id }) => id));
  const missing = added.find((id) => !known.has(id));
  if (missing === undefined) return ids;
  throw new UnprocessableEntityException(`introspection_client_ids: no such client: ${missing}`);
}
