import { UnprocessableEntityException } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { Resource } from '../../zones/resource.entity.js';

/** The most of a client or a zone: as many as a request may name. */
export const MAX_DEFAULT_RESOURCES = 20;

/**
 * Checks the resources that are to be the default ones of a client or a zone (RFC 8707 2). What is added must be
 * registered. What was there before may stay although its resource has been removed since: requests that mean it are
 * refused until it is registered again, and nothing else changes behind the back of whoever writes.
 *
 * To be called within `AuditedChanges.run`, so that none is removed meanwhile.
 *
 * @param wanted identifiers, in order; `null` for none
 * @returns the same, each once
 * @throws {UnprocessableEntityException} for one that is not registered in the zone
 */
export async function checkDefaultResources(
  tx: EntityManager,
  zoneId: string,
  wanted: readonly string[] | null,
  before: readonly string[] = [],
): Promise<string[]> {
  const identifiers = [...new Set(wanted)];
  const added = identifiers.filter((identifier) => !before.includes(identifier));
  const rows = await tx.getRepository(Resource).findBy({ zoneId, identifier: In(added) });
  const registered = new Set(rows.map(({ identifier }) => identifier));
  const missing = added.find((identifier) => !registered.has(identifier));
  if (missing === undefined) return identifiers;
  throw new UnprocessableEntityException(`default_resources: no such resource: ${missing}`);
}
