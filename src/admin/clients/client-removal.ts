import { ConflictException } from '@nestjs/common';
import { IsNull, type EntityManager } from 'typeorm';
import { Client } from '../../zones/clients/client.entity.js';
import { Resource } from '../../zones/resource.entity.js';
import type { Made } from '../audited-changes.service.js';
import type { Foreseen, WouldDelete } from '../dry-runs.service.js';
import { entityTag, type Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import type { Removing } from '../removals/describe-removal.js';
import { endClient, isSmall, type Ended } from '../removals/ending.js';
import { useOf, type UseOfClient } from './client-use.js';
import { viewClient, type ClientView } from './client-view.js';

/** A client that was removed, with how far its sessions are. */
export interface RemovedClient extends Removing {
  readonly id: string;
}

/**
 * Ends a client, with what hangs on it. To be called within `AuditedChanges.run`.
 *
 * @throws {HttpException} 404, 412; 409 if it owns resources
 */
export async function end(
  tx: EntityManager,
  zoneId: string,
  id: string,
  precondition: Precondition,
): Promise<Made<void>> {
  const clients = tx.getRepository(Client);
  const client = await findRow(clients, { zoneId, id, removedAt: IsNull() }, 'client');
  const shown = await viewClient(tx, client);
  precondition.check(entityTag(shown));
  const ended: Ended = { kind: 'client', zoneId, id, name: client.name };
  const small = await isSmall(tx, ended);
  if (small) {
    await clients.delete({ zoneId, id });
  } else {
    await checkOwnsNothing(tx, zoneId, id);
    await endClient(tx, ended);
  }
  return {
    result: undefined,
    details: { client: shown, ...(small ? {} : { removing: true }) },
  };
}

/**
 * Says what would go with a client.
 *
 * @throws {HttpException} as {@link end}
 */
export async function foresee(
  tx: EntityManager,
  zoneId: string,
  id: string,
  precondition: Precondition,
): Promise<Foreseen<WouldDelete<ClientView, UseOfClient>>> {
  const where = { zoneId, id, removedAt: IsNull() };
  const client = await findRow(tx.getRepository(Client), where, 'client');
  const view = await viewClient(tx, client);
  const tag = entityTag(view);
  precondition.check(tag);
  await checkOwnsNothing(tx, zoneId, id);
  return { tag, would: { delete: view, affects: await useOf(tx, client) } };
}

async function checkOwnsNothing(tx: EntityManager, zoneId: string, id: string): Promise<void> {
  if (!(await tx.getRepository(Resource).existsBy({ zoneId, ownerClientId: id }))) return;
  throw new ConflictException({
    message: 'the client owns resources',
    errors: [{ field: 'owner_client_id', message: 'something refers to it here', code: 'in_use' }],
  });
}
